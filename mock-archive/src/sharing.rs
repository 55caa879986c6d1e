//! Values that many documents have alike, kept once. Knows nothing of what they are; called by `registers.rs`.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

/// Values of one type, each kept once. Nothing is let go: it is as large as the values are different.
pub(crate) struct Shared<T: ?Sized>(HashSet<Arc<T>>);

impl<T: ?Sized> Default for Shared<T> {
    fn default() -> Self {
        Self(HashSet::new())
    }
}

impl<T: ?Sized + Eq + Hash> Shared<T> {
    /// The kept value that equals this one; this one when there is none.
    pub(crate) fn kept(&mut self, value: Arc<T>) -> Arc<T> {
        if let Some(kept) = self.0.get(&value) {
            return Arc::clone(kept);
        }
        self.0.insert(Arc::clone(&value));
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_are_one() {
        let mut shared: Shared<str> = Shared::default();
        let (first, second) = (shared.kept(Arc::from("a")), shared.kept(Arc::from("a")));
        assert!(Arc::ptr_eq(&first, &second));
        assert!(!Arc::ptr_eq(&first, &shared.kept(Arc::from("b"))));
    }
}
