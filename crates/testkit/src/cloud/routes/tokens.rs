//! API tokens.

use ids::OrgId;
use serde_json::Value;

use super::Scope;
use crate::cloud::ask::wrong;
use crate::cloud::reply::Reply;
use crate::cloud::token::Token;

impl Scope<'_> {
    pub(super) fn api_tokens(&mut self, method: &str, org: OrgId, rest: &[&str]) -> Result<Reply, Reply> {
        match (method, rest) {
            ("GET", []) => {
                let own = self.world.tokens.iter().filter(|token| token.org == org && !token.revoked);
                Ok(Reply::ok(&own.map(|token| token.shown(false)).collect()))
            }
            ("POST", []) => {
                let (name, role) = self.asked()?;
                let role = role.ok_or_else(|| wrong("privileges"))?;
                let now = self.seconds();
                if self.world.tokens.len() >= MOST_TOKENS {
                    return Err(Reply::bad("too many tokens"));
                }
                let mut token = Token::new(&mut self.world.rng, org, &role, now);
                token.name = name;
                self.world.tokens.push(token.clone());
                Ok(Reply::ok(&token.shown(true)))
            }
            ("GET" | "PUT" | "DELETE", [id]) => {
                let changes = if method == "PUT" { Some(self.asked()?) } else { None };
                let own = |token: &&mut Token| token.org == org && token.id == **id && !token.revoked;
                let token = self.world.tokens.iter_mut().find(own).ok_or_else(|| Reply::not_found(id))?;
                match changes {
                    Some((name, role)) => {
                        token.name = name;
                        token.role = role.unwrap_or_else(|| token.role.clone());
                    }
                    None if method == "DELETE" => token.revoked = true,
                    None => return Ok(Reply::ok(&token.shown(false))),
                }
                Ok(Reply::empty())
            }
            _ => Err(Reply::not_found("")),
        }
    }

    /// Name and role in the body.
    fn asked(&self) -> Result<(String, Option<String>), Reply> {
        let body = self.ask.object()?;
        let name = body.get("name").and_then(Value::as_str).ok_or_else(|| wrong("name"))?;
        let role = match body.get("privileges") {
            None => None,
            Some(privileges) => {
                let role = privileges[0]["role"].as_str().filter(|role| ROLES.contains(role));
                Some(role.ok_or_else(|| wrong("privileges"))?.to_owned())
            }
        };
        Ok((name.to_owned(), role))
    }
}

const MOST_TOKENS: usize = 1_024;
const ROLES: &[&str] = &["admin", "write", "read", "installer", "helpdesk"];
