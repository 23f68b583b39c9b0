//! Tokens: given, taken, used up.

use ids::OrgId;

use crate::cloud::token::Token;
use crate::cloud::{FakeCloud, NoSuch};

impl FakeCloud {
    /// The key of the organisation's first token, which may do everything.
    ///
    /// # Panics
    ///
    /// When there is no such organisation.
    #[must_use]
    pub fn token(&self, org: OrgId) -> String {
        self.first_token(org, "admin")
    }

    /// The key of a token that may only read.
    ///
    /// # Panics
    ///
    /// When there is no such organisation.
    #[must_use]
    pub fn read_token(&self, org: OrgId) -> String {
        self.first_token(org, "read")
    }

    fn first_token(&self, org: OrgId, role: &str) -> String {
        let world = self.shared.world();
        let token = world.tokens.iter().find(|token| token.org == org && token.role == role);
        token.map(|token| token.key.clone()).expect("every organisation is made with both tokens")
    }

    /// Makes another token with a role of Mist's: `admin`, `write`, `read`, `installer`, `helpdesk`.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Organisation`].
    pub fn add_token(&self, org: OrgId, role: &str) -> Result<String, NoSuch> {
        let mut world = self.shared.world();
        world.organisation(org)?;
        let now = world.seconds();
        let token = Token::new(&mut world.rng, org, role, now);
        let key = token.key.clone();
        world.tokens.push(token);
        Ok(key)
    }

    /// Makes a token of a person's own, `admin@example.com`, with a role as [`add_token`](Self::add_token) has them.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Organisation`].
    pub fn add_personal_token(&self, org: OrgId, role: &str) -> Result<String, NoSuch> {
        let key = self.add_token(org, role)?;
        self.with_token(&key, |token| token.email = Some("admin@example.com".to_owned()))?;
        Ok(key)
    }

    /// Whoever shows this token gets a 401 from now on.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Token`].
    pub fn revoke(&self, key: &str) -> Result<(), NoSuch> {
        self.with_token(key, |token| token.revoked = true)
    }

    /// The token is good again.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Token`].
    pub fn restore(&self, key: &str) -> Result<(), NoSuch> {
        self.with_token(key, |token| token.revoked = false)
    }

    /// Counts calls that nobody made, to come near the limit.
    ///
    /// # Errors
    ///
    /// [`NoSuch::Token`].
    pub fn spend(&self, key: &str, calls: u64) -> Result<(), NoSuch> {
        self.with_token(key, |token| token.calls = token.calls.saturating_add(calls))
    }

    fn with_token(&self, key: &str, change: impl FnOnce(&mut Token)) -> Result<(), NoSuch> {
        let mut world = self.shared.world();
        let token = world.tokens.iter_mut().find(|token| token.key == key).ok_or(NoSuch::Token)?;
        change(token);
        Ok(())
    }
}
