//! Names that Mist may add to.

macro_rules! open_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$known_doc:meta])* $known:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Eq, Hash, PartialEq)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$known_doc])* $known,)*
            /// What this version does not know, as it came.
            Other(Box<str>),
        }

        impl $name {
            /// What `text` names; every text names something.
            #[must_use]
            pub fn new(text: &str) -> Self {
                match text {
                    $($text => Self::$known,)*
                    other => Self::Other(other.into()),
                }
            }

            /// The name on the wire.
            #[must_use]
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$known => $text,)*
                    Self::Other(name) => name,
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}
pub(crate) use open_enum;
