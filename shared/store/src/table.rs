//! The tables and their indexes.

use toss_runtime::{ConfigurationError, Environment};

pub use toss_runtime::grant::Table;

/// A secondary index. Both are on the work table, with all attributes projected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Index {
    /// `gsi1`: a tenant's things in an order other than their key's.
    First,
    /// `gsi2`: what is due, over all tenants, for the timers; and a tenant's second order.
    Second,
}

impl Index {
    /// The index's name and the names of its two key attributes.
    #[must_use]
    pub const fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::First => ("gsi1", "gsi1pk", "gsi1sk"),
            Self::Second => ("gsi2", "gsi2pk", "gsi2sk"),
        }
    }
}

/// The tables' names in this deployment, as far as the function has them.
#[derive(Debug, Clone, Default)]
pub struct TableNames {
    directory: Option<String>,
    work: Option<String>,
    audit: Option<String>,
    limits: Option<String>,
}

impl TableNames {
    /// From the environment. A function whose role has no use for a table is not told its name.
    #[must_use]
    pub fn from_environment(environment: &Environment) -> Self {
        let name = |table: Table| environment.get(table.variable()).map(str::to_owned);
        Self {
            directory: name(Table::Directory),
            work: name(Table::Work),
            audit: name(Table::Audit),
            limits: name(Table::Limits),
        }
    }

    /// A table's name.
    ///
    /// # Errors
    /// [`ConfigurationError::Missing`] when the function was not told.
    pub fn name(&self, table: Table) -> Result<&str, ConfigurationError> {
        let name = match table {
            Table::Directory => &self.directory,
            Table::Work => &self.work,
            Table::Audit => &self.audit,
            Table::Limits => &self.limits,
        };
        name.as_deref().ok_or(ConfigurationError::Missing {
            name: table.variable(),
            hint: "the function's Environment in the template names the tables that its role may use",
        })
    }
}
