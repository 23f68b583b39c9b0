//! What can be set for an organisation and for a site.

use std::fmt;

use http::Method;
use ids::{OrgId, SiteId};

use crate::request::Call;

/// An organisation or a site: both have webhooks, alarms and settings.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Scope {
    /// A whole organisation.
    Org(OrgId),
    /// One site.
    Site(SiteId),
}

impl Scope {
    /// The call of this scope: of an organisation the first name and template, of a site the second.
    pub(crate) fn call(self, method: Method, org: Named, site: Named, more: &[&dyn fmt::Display]) -> Call {
        let (named, id): (Named, &dyn fmt::Display) = match &self {
            Self::Org(id) => (org, id),
            Self::Site(id) => (site, id),
        };
        let mut ids = vec![id];
        ids.extend(more);
        Call::new(method, named.0, named.1, &ids)
    }
}

/// The vendor's name of an operation, and its path template.
pub(crate) type Named = (&'static str, &'static str);
