//! What a quirk of the app and a defect of the mock have in common: a name, a sentence, the rules
//! that notice it, and a scenario in which it shows.
//!
//! Both are lists of small deviations. A list is declared once, as a table, so that no deviation can
//! be without any of the four.

/// Declares an enum of misbehaviours and the set of those that one app or one mock has.
macro_rules! misbehaviours {
    (
        $(#[$about_one:meta])* one $One:ident;
        $(#[$about_all:meta])* all $All:ident;
        $($variant:ident $name:literal on $stage:literal [$($rule:literal),*] $what:literal;)+
    ) => {
        $(#[$about_one])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $One {
            $(#[doc = $what] $variant,)+
        }

        impl $One {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its name on the command line.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What goes wrong, in one sentence.
            #[must_use]
            pub fn what(self) -> &'static str {
                match self { $(Self::$variant => $what,)+ }
            }

            /// The ids of the rules that notice it. Where there are none, a scenario's expectation
            /// does.
            #[must_use]
            pub fn trips(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($rule),*],)+ }
            }

            /// The id of a scenario, shipped or a stage of the self-test, in which it shows.
            #[must_use]
            pub fn stage(self) -> &'static str {
                match self { $(Self::$variant => $stage,)+ }
            }

            /// The one of this name.
            #[must_use]
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.name() == name)
            }
        }

        impl std::fmt::Display for $One {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str(self.name())
            }
        }

        $(#[$about_all])*
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        pub struct $All(std::collections::BTreeSet<$One>);

        impl $All {
            /// No misbehaviour.
            #[must_use]
            pub fn none() -> Self {
                Self::default()
            }

            /// Whether this one is among them.
            #[must_use]
            pub fn has(&self, one: $One) -> bool {
                self.0.contains(&one)
            }

            /// All of them, in the order of their declaration.
            pub fn iter(&self) -> impl Iterator<Item = $One> + '_ {
                self.0.iter().copied()
            }
        }

        impl FromIterator<$One> for $All {
            fn from_iter<I: IntoIterator<Item = $One>>(all: I) -> Self {
                Self(all.into_iter().collect())
            }
        }
    };
}

pub(crate) use misbehaviours;
