//! Where an element or attribute stood in the text that was read.

use super::{Element, Tree};

/// Byte offset in the text that was read; none in what was built. Never makes two trees differ: what a tree says does not
/// depend on where it stood.
#[derive(Clone, Copy, Default)]
pub struct Offset(Option<u32>);

impl PartialEq for Offset {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Offset {}

impl Offset {
    pub(super) fn new(at: usize) -> Self {
        Self(u32::try_from(at).ok())
    }

    /// Bytes from the start of the text.
    pub fn bytes(self) -> Option<usize> {
        usize::try_from(self.0?).ok()
    }
}

impl Tree {
    /// The byte offset of what a path names, or of its nearest ancestor that is there.
    ///
    /// A path is that of findings: `/ClinicalDocument/component/nonXMLBody/@ID`, local names with or without prefix, of several
    /// elements of one name the first unless a step says which (`recordTarget[2]`).
    pub fn offset_of(&self, path: &str) -> Option<usize> {
        let mut steps = path.split('/').filter(|step| !step.is_empty());
        let root = steps.next().map(step_of);
        let mut at = &self.root;
        if root.is_none_or(|(name, nth)| name != at.name.as_str() || nth != 1) {
            return at.at.bytes();
        }
        for step in steps {
            if let Some(name) = step.strip_prefix('@') {
                let attribute = at.attributes.iter().find(|a| a.name == name);
                return attribute.map_or(at.at, |a| a.at).bytes();
            }
            let Some(next) = child(at, step) else { break };
            at = next;
        }
        at.at.bytes()
    }
}

fn child<'a>(element: &'a Element, step: &str) -> Option<&'a Element> {
    let (name, nth) = step_of(step);
    element.elements().filter(|e| e.name == name).nth(nth.checked_sub(1)?)
}

/// The local name and which one of that name, from 1.
fn step_of(step: &str) -> (&str, usize) {
    let local = step.rsplit(':').next().unwrap_or(step);
    let (name, nth) = local.strip_suffix(']').and_then(|s| s.split_once('[')).unwrap_or((local, "1"));
    (name, nth.parse().unwrap_or(1))
}
