//! The structures that are known, by OID.
//!
//! Built once from texts that the caller has read; afterwards only looked up.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;

use super::{FaultReason, Structure, StructureFault};
use crate::domain::oid::Oid;

/// Structures by OID.
#[derive(Default)]
pub struct Registry {
    structures: BTreeMap<Oid, Arc<Structure>>,
}

/// Our own reduced structures, by OID: what the demo and the tests need, in the national dialect.
pub const REDUCED: [(&str, &str); 6] = [
    ("1.2.246.537.6.1505.1.2023.6.1", include_str!("../../../schemas/structures/1.2.246.537.6.1505.1.2023.6.1.json")),
    ("1.2.246.537.6.1505.2.2022.6.28", include_str!("../../../schemas/structures/1.2.246.537.6.1505.2.2022.6.28.json")),
    (
        "1.2.246.537.6.1506.11000.2023.9.8",
        include_str!("../../../schemas/structures/1.2.246.537.6.1506.11000.2023.9.8.json"),
    ),
    (
        "1.2.246.537.6.1506.19002.2022.1.10",
        include_str!("../../../schemas/structures/1.2.246.537.6.1506.19002.2022.1.10.json"),
    ),
    (
        "1.2.246.537.6.1506.19007.2022.1.10",
        include_str!("../../../schemas/structures/1.2.246.537.6.1506.19007.2022.1.10.json"),
    ),
    (
        "1.2.246.537.6.1506.19012.2022.1.10",
        include_str!("../../../schemas/structures/1.2.246.537.6.1506.19012.2022.1.10.json"),
    ),
];

impl Registry {
    /// The structures in these named texts, and what is wrong with those that cannot be used. The first of two with the same
    /// OID counts.
    pub fn from_texts(texts: impl IntoIterator<Item = (String, String)>) -> (Self, Vec<StructureFault>) {
        let (mut registry, mut faults) = (Self::default(), Vec::new());
        for (file, text) in texts {
            faults.extend(registry.read(&file, &text).err());
        }
        (registry, faults)
    }

    /// Our own reduced structures: a relationship document, a case document, a service decision and three journal entries.
    pub fn reduced() -> Self {
        // A test holds that none of them has a fault.
        Self::from_texts(REDUCED.map(|(name, text)| (name.to_owned(), text.to_owned()))).0
    }

    /// Adds the structure in this text. `file` names it where it has a fault.
    ///
    /// # Errors
    /// A [`StructureFault`]; the registry stays as it was.
    pub fn read(&mut self, file: &str, text: &str) -> Result<(), StructureFault> {
        let added = Structure::parse(text).and_then(|structure| self.add(structure));
        added.map_err(|fault| StructureFault { file: file.to_owned(), ..fault })
    }

    fn add(&mut self, structure: Structure) -> Result<(), StructureFault> {
        let oid = structure.oid().clone();
        if self.structures.contains_key(&oid) {
            return Err(StructureFault::new("/sosmeta/oid", FaultReason::Repeated(oid)));
        }
        self.structures.insert(oid, Arc::new(structure));
        Ok(())
    }

    /// The structure with this OID.
    pub fn find(&self, oid: &Oid) -> Option<Arc<Structure>> {
        self.structures.get(oid).cloned()
    }

    /// The newest version of a type (`1.2.246.537.6.1506.19007`) that may be used on this day.
    pub fn valid_on(&self, type_oid: &Oid, day: Date) -> Option<Arc<Structure>> {
        let valid = |s: &&Arc<Structure>| s.valid_from().is_some_and(|from| from <= day);
        self.versions(type_oid).filter(valid).max_by_key(|s| s.version()).cloned()
    }

    /// Every version of a type, in no promised order.
    pub fn versions(&self, type_oid: &Oid) -> impl Iterator<Item = &Arc<Structure>> {
        self.structures.values().filter(move |s| s.type_oid() == *type_oid)
    }

    /// All of them, in the order of their OIDs as text.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Structure>> {
        self.structures.values()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.structures.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.structures.is_empty()
    }
}
