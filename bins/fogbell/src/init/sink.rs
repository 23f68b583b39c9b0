//! A sink in one line, `siem=tls://192.0.2.60:6514`.

use std::path::PathBuf;
use std::str::FromStr;

/// A sink as it is asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Sink {
    pub(super) name: String,
    pub(super) address: String,
    pub(super) kind: Kind,
}

/// How it sends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Syslog { transport: &'static str, ca: Option<PathBuf> },
    V3 { notification: &'static str, user: String, auth: Option<PathBuf>, privacy: Option<PathBuf> },
    V2c { community: PathBuf },
}

impl FromStr for Sink {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| {
            format!(
                "sink `{text}`: {what}; as siem=tls://192.0.2.60:6514 or noc=inform://fogbell@192.0.2.50:162"
            )
        };
        let (name, url) = text.split_once('=').ok_or_else(|| wrong("it has no name in front"))?;
        let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("it has no URL"))?;
        let (authority, query) = rest.split_once('?').unwrap_or((rest, ""));
        let files = query.split('&').filter(|part| !part.is_empty()).map(|part| part.split_once('='));
        let (mut ca, mut auth, mut privacy, mut community) = (None, None, None, None);
        for part in files {
            match part {
                Some(("ca", file)) => ca = Some(file.into()),
                Some(("auth", file)) => auth = Some(file.into()),
                Some(("privacy", file)) => privacy = Some(file.into()),
                Some(("community", file)) => community = Some(file.into()),
                _ => {
                    return Err(wrong(
                        "behind `?` there are ca, auth, privacy and community, each with a file",
                    ));
                }
            }
        }
        let (user, address) =
            authority.split_once('@').map_or((None, authority), |(user, rest)| (Some(user), rest));
        let v3 = |notification| {
            let user = user
                .filter(|user| !user.is_empty())
                .ok_or_else(|| wrong("SNMPv3 needs a user, as in noc=inform://fogbell@…"))?;
            Ok::<_, String>(Kind::V3 {
                notification,
                user: user.to_owned(),
                auth: auth.clone(),
                privacy: privacy.clone(),
            })
        };
        let kind = match scheme {
            "tls" => Kind::Syslog { transport: "tls", ca },
            "tcp" => Kind::Syslog { transport: "tcp", ca: None },
            "udp" => Kind::Syslog { transport: "udp", ca: None },
            "inform" => v3("inform")?,
            "trap" => v3("trap")?,
            "v2c" => Kind::V2c { community: community.ok_or_else(|| wrong("it needs ?community=FILE"))? },
            _ => return Err(wrong("it begins with tls, tcp, udp, inform, trap or v2c")),
        };
        Ok(Self { name: name.to_owned(), address: address.to_owned(), kind })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sink_is_a_line_and_a_wrong_one_is_told_why() {
        let sink = |text: &str| text.parse::<Sink>();
        assert_eq!(
            sink("siem=tls://192.0.2.60:6514?ca=/ca.pem").unwrap(),
            Sink {
                name: "siem".into(),
                address: "192.0.2.60:6514".into(),
                kind: Kind::Syslog { transport: "tls", ca: Some("/ca.pem".into()) }
            }
        );
        assert!(matches!(
            sink("noc=trap://u@[::1]:162").unwrap().kind,
            Kind::V3 { notification: "trap", .. }
        ));
        for (text, why) in [
            ("siem=a:1", "no URL"),
            ("tls://a:1", "no name"),
            ("a", "no name"),
            ("a=inform://b:162", "needs a user"),
            ("a=v2c://b:162", "community"),
            ("a=http://b", "begins with"),
            ("a=tls://b:1?key", "behind `?`"),
        ] {
            let said = sink(text).unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        }
    }
}
