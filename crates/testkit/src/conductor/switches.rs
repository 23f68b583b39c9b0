//! The readings by name.

use super::ports::Onboarding;
use super::settings::{
    AbsentPlace, CertificateForm, CommandWay, CommitAnswer, DeleteMeans, PutMeans, Readings, SecretShown,
    TokenPlace,
};
use crate::switch::{NO_YES, Switch, UnknownSwitch, YES_NO};

impl Readings {
    /// Every switch with its values, the usual one first.
    pub const SWITCHES: &[Switch] = &[
        ("absent-place", &["made", "not-found", "ignored"]),
        ("put", &["replaces", "merges"]),
        ("delete", &["removes", "not-allowed", "ignored"]),
        ("onboarding-port", &["tls", "mutual-tls", "plain", "silent", "closes"]),
        ("secret-shown", &["removed", "plain", "absent"]),
        ("commit-answer", &["empty-list", "nothing", "empty-object"]),
        ("findings-status", &["200", "400", "409"]),
        ("findings-name-path", YES_NO),
        ("graphql-noise", NO_YES),
        ("graphql-all-fields", YES_NO),
        ("command-way", &["both", "argument", "input"]),
        ("token-place", &["alone", "labelled", "json"]),
        ("wrap", &["no", "80", "132"]),
        ("decorated", NO_YES),
        ("appended", NO_YES),
        ("honest-status", YES_NO),
        ("asks", YES_NO),
        ("waiting-word", &["waiting", "pending", "in-progress"]),
        ("asset-words", &["documented", "none", "others"]),
        ("token-algorithm", &["RS256", "RS384", "RS512", "PS256", "HS256", "none"]),
        ("certificate-form", &["der", "pem"]),
        ("token-expires", YES_NO),
        ("stale-state", NO_YES),
    ];

    /// Sets a switch by name.
    ///
    /// # Errors
    ///
    /// [`UnknownSwitch`] for what is not among the [`SWITCHES`](Self::SWITCHES).
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), UnknownSwitch> {
        let known = Self::SWITCHES.iter().any(|(known, values)| *known == name && values.contains(&value));
        if !known {
            return Err(UnknownSwitch::new(name, value));
        }
        let yes = value == "yes";
        match name {
            "findings-name-path" => self.findings_name_path = yes,
            "graphql-noise" => self.graphql_noise = yes,
            "graphql-all-fields" => self.graphql_all_fields = yes,
            "decorated" => self.decorated = yes,
            "appended" => self.appended = yes,
            "honest-status" => self.honest_status = yes,
            "asks" => self.asks = yes,
            "token-expires" => self.token_expires = yes,
            "stale-state" => self.stale_state = yes,
            "findings-status" => self.findings_status = value.parse().unwrap_or(200),
            "wrap" => self.wrap = value.parse().ok(),
            "waiting-word" => value.clone_into(&mut self.waiting_word),
            "token-algorithm" => value.clone_into(&mut self.token_algorithm),
            "asset-words" => self.asset_words = asset_words(value),
            _ => self.set_kind(name, value),
        }
        Ok(())
    }

    /// Those that are enumerations.
    fn set_kind(&mut self, name: &str, value: &str) {
        match (name, value) {
            ("absent-place", "made") => self.absent_place = AbsentPlace::Made,
            ("absent-place", "not-found") => self.absent_place = AbsentPlace::NotFound,
            ("absent-place", _) => self.absent_place = AbsentPlace::Ignored,
            ("put", "replaces") => self.put = PutMeans::Replaces,
            ("put", _) => self.put = PutMeans::Merges,
            ("delete", "removes") => self.delete = DeleteMeans::Removes,
            ("delete", "not-allowed") => self.delete = DeleteMeans::NotAllowed,
            ("delete", _) => self.delete = DeleteMeans::Ignored,
            ("onboarding-port", "tls") => self.onboarding = Onboarding::Tls,
            ("onboarding-port", "mutual-tls") => self.onboarding = Onboarding::MutualTls,
            ("onboarding-port", "plain") => self.onboarding = Onboarding::Plain,
            ("onboarding-port", "silent") => self.onboarding = Onboarding::Silent,
            ("onboarding-port", _) => self.onboarding = Onboarding::Closes,
            ("secret-shown", "removed") => self.secret_shown = SecretShown::Removed,
            ("secret-shown", "plain") => self.secret_shown = SecretShown::Plain,
            ("secret-shown", _) => self.secret_shown = SecretShown::Absent,
            ("commit-answer", "empty-list") => self.commit_answer = CommitAnswer::EmptyList,
            ("commit-answer", "nothing") => self.commit_answer = CommitAnswer::Nothing,
            ("commit-answer", _) => self.commit_answer = CommitAnswer::EmptyObject,
            ("command-way", "both") => self.command_way = CommandWay::Both,
            ("command-way", "argument") => self.command_way = CommandWay::Argument,
            ("command-way", _) => self.command_way = CommandWay::Input,
            ("token-place", "alone") => self.token_place = TokenPlace::Alone,
            ("token-place", "labelled") => self.token_place = TokenPlace::Labelled,
            ("token-place", _) => self.token_place = TokenPlace::Json,
            ("certificate-form", "der") => self.certificate_form = CertificateForm::Der,
            ("certificate-form", _) => self.certificate_form = CertificateForm::Pem,
            _ => {}
        }
    }
}

fn asset_words(value: &str) -> Vec<String> {
    let words: &[&str] = match value {
        "documented" => &["pending", "connected", "synchronizing"],
        "none" => &[],
        _ => &["not-installed", "installed", "resynchronizing", "synchronized", "preparing"],
    };
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_of_every_switch_is_another_reading_and_the_first_the_usual_one() {
        let show = |readings: &Readings| format!("{readings:?}");
        for (name, values) in Readings::SWITCHES {
            let seen: Vec<String> = values
                .iter()
                .map(|value| {
                    let mut readings = Readings::default();
                    readings.set(name, value).unwrap();
                    show(&readings)
                })
                .collect();
            assert_eq!(seen[0], show(&Readings::default()), "{name}");
            let different: std::collections::BTreeSet<&String> = seen.iter().collect();
            assert_eq!(different.len(), values.len(), "{name}");
        }
        assert!(Readings::default().set("put", "else").is_err());
    }
}
