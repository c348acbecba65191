//! The activity types that definitions may use.

use std::{collections::BTreeMap, sync::LazyLock};

use serde_json::Value;
pub use toss_kernel::activity::{
    ActivitySpec, ErrorSpec, Idempotency, IdempotencyLevel, RetryClass, RetrySpec, StepOption, Wait,
};

/// The types by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalogue {
    types: BTreeMap<String, ActivitySpec>,
}

static EMBEDDED: LazyLock<Catalogue> = LazyLock::new(|| {
    // INVARIANT: the file is part of the crate and a test reads it.
    Catalogue::from_json(include_str!("../catalogue.json")).unwrap_or_default()
});

impl Catalogue {
    /// The catalogue that this build was made with.
    #[must_use]
    pub fn embedded() -> &'static Self {
        &EMBEDDED
    }

    /// A catalogue of these types.
    pub fn new(types: impl IntoIterator<Item = ActivitySpec>) -> Self {
        Self { types: types.into_iter().map(|spec| (spec.activity_type.clone(), spec)).collect() }
    }

    /// Reads a catalogue: a JSON array of [`ActivitySpec`].
    ///
    /// # Errors
    /// When the text is not such an array.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        Ok(Self::new(serde_json::from_str::<Vec<ActivitySpec>>(text)?))
    }

    /// The type of this name.
    #[must_use]
    pub fn get(&self, activity_type: &str) -> Option<&ActivitySpec> {
        self.types.get(activity_type)
    }

    /// All types, by name.
    pub fn iter(&self) -> impl Iterator<Item = &ActivitySpec> {
        self.types.values()
    }

    /// The names of all types, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.types.keys().map(String::as_str)
    }

    /// The catalogue as the file holds it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self.types.values().collect::<Vec<_>>()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_catalogue_reads_and_has_the_native_types() {
        let catalogue = Catalogue::from_json(include_str!("../catalogue.json")).unwrap();
        for name in ["Conditional", "Delay", "Loop", "Parallel"] {
            assert_eq!(catalogue.get(name).unwrap().wait, Wait::Native, "{name}");
        }
        assert_eq!(
            catalogue.to_json(),
            serde_json::from_str::<Value>(include_str!("../catalogue.json")).unwrap()
        );
    }
}
