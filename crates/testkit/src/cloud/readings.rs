//! How the cloud reads what Mist does not document about the onboarding of routers.

/// How the undocumented is read; the numbers are those of the project's list of unknowns about the vendor's interface.
///
/// [`FakeCloud::read_as`](super::FakeCloud::read_as) changes it while the cloud runs.
#[derive(Clone, Debug)]
pub struct Readings {
    /// What a PUT of a setting does to the fields of `ssr` that it does not name (U7).
    pub ssr_put: SsrPut,
    /// What an `ssr.conductor_token` that is empty does (U7).
    pub empty_token: EmptyToken,
    /// What an `ssr.conductor_token` reads back as (U7).
    pub token_shown: TokenShown,
    /// What `setting/derived` says of `ssr` (U7).
    pub derived: Derived,
    /// The fields of an exported ID token, each with the token: `token`, in contract 2511.1.0 `idtoken` (U2).
    pub id_token_fields: Vec<String>,
    /// What the export says of a MAC address that has no ID token here (U2).
    pub no_id_token: NoIdToken,
    /// How many MAC addresses an export takes, and what is done with one more (U2); `None` takes all.
    pub most_macs: Option<(usize, TooManyMacs)>,
    /// Whether the inventory says when a device was changed last: no field of it is required.
    pub modified_time: bool,
}

impl Default for Readings {
    fn default() -> Self {
        Self {
            ssr_put: SsrPut::Replaces,
            empty_token: EmptyToken::Kept,
            token_shown: TokenShown::Plain,
            derived: Derived::SiteAlone,
            id_token_fields: vec!["token".to_owned()],
            no_id_token: NoIdToken::NoRow,
            most_macs: None,
            modified_time: true,
        }
    }
}

/// What a PUT of a setting does to the fields of `ssr` that it does not name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SsrPut {
    /// They are gone.
    Replaces,
    /// They stay.
    Merges,
}

/// What an empty `conductor_token` does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EmptyToken {
    /// It stands there, empty.
    Kept,
    /// The field is gone.
    Removes,
    /// The call gets a 400.
    Refused,
    /// The token that was there stays.
    Ignored,
}

/// What a `conductor_token` reads back as.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TokenShown {
    /// Itself; to those who may not read secrets the mask.
    Plain,
    /// The mask, to everybody.
    Masked,
    /// Nothing.
    Absent,
}

/// What `setting/derived` says of `ssr`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Derived {
    /// What the site has; the organisation's is not merged in.
    SiteAlone,
    /// Field by field the site's, else the organisation's.
    FieldByField,
    /// The site's when it has any, else the organisation's.
    WholeObject,
}

/// What an export says of a MAC address without an ID token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NoIdToken {
    /// Nothing.
    NoRow,
    /// A row with the MAC address alone.
    NoField,
    /// A row with `null`.
    Null,
    /// A row with an empty text.
    Empty,
}

/// What becomes of an export of too many MAC addresses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TooManyMacs {
    /// 400.
    Refused,
    /// The first ones are answered.
    Cut,
}
