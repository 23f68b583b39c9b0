//! The SMIv2 module as text, made from the same tables that the encoder uses.

use std::fmt::Write as _;

use super::{Object, Syntax, Trap};

/// The module under this enterprise number.
pub(super) fn text(enterprise: u32) -> String {
    let severities: Vec<String> = Syntax::Severity
        .values()
        .iter()
        .map(|(name, number)| format!("                     {name}({number})"))
        .collect();
    let mut out = HEAD.replace("<number>", &enterprise.to_string());
    out = out.replace("<severities>", &severities.join(",\n"));
    for object in Object::ALL {
        let defined = object.definition();
        let (name, syntax, about) = (defined.name, defined.syntax.clause(), wrapped(defined.about));
        let units =
            if matches!(defined.syntax, Syntax::Duration) { "\n    UNITS       \"seconds\"" } else { "" };
        let number = object as u8;
        section(
            &mut out,
            format_args!(
                "{name} OBJECT-TYPE\n    SYNTAX      {syntax}{units}\n    MAX-ACCESS  accessible-for-notify\n    \
                 STATUS      current\n    DESCRIPTION\n{about}\n    ::= {{ fbObjects {number} }}\n"
            ),
        );
    }
    let objects = list(Object::ALL.map(Object::name));
    for trap in Trap::ALL {
        let (name, about, number) = (trap.name(), wrapped(trap.about()), trap as u8);
        section(
            &mut out,
            format_args!(
                "{name} NOTIFICATION-TYPE\n    OBJECTS {{\n{objects}\n    }}\n    STATUS      current\n    \
                 DESCRIPTION\n{about}\n    ::= {{ fbNotifications {number} }}\n"
            ),
        );
    }
    let traps = list(Trap::ALL.map(Trap::name));
    out.push_str(&TAIL.replace("<objects>", &objects).replace("<notifications>", &traps));
    out
}

fn section(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("a String takes everything");
}

fn list<const N: usize>(names: [&str; N]) -> String {
    names.map(|name| format!("        {name}")).join(",\n")
}

/// `text` as a quoted string, its lines indented and at most 72 columns wide.
fn wrapped(text: &str) -> String {
    let mut out = String::from("        \"");
    let mut column = out.len();
    for (i, word) in text.split_whitespace().enumerate() {
        if i > 0 && column + 1 + word.len() > 72 {
            out.push_str("\n         ");
            column = 9;
        } else if i > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += word.len();
    }
    out.push('"');
    out
}

const HEAD: &str = r#"FOGBELL-MIB DEFINITIONS ::= BEGIN

IMPORTS
    MODULE-IDENTITY, OBJECT-TYPE, NOTIFICATION-TYPE,
    Integer32, Gauge32, Counter64, enterprises
        FROM SNMPv2-SMI
    TEXTUAL-CONVENTION, TruthValue
        FROM SNMPv2-TC
    MODULE-COMPLIANCE, OBJECT-GROUP, NOTIFICATION-GROUP
        FROM SNMPv2-CONF;

fogbell MODULE-IDENTITY
    LAST-UPDATED "202611220000Z"
    ORGANIZATION "The Fogbell authors"
    CONTACT-INFO
        "The Fogbell authors, by the issue tracker of the project."
    DESCRIPTION
        "What Fogbell, a relay for Juniper Mist webhooks, tells about a
         network: alarms, events, audits, and itself. Every notification
         carries the same objects in the same order, always every one:
         an absent text has length zero, an absent count is 0, an absent
         duration is -1, an absent severity is indeterminate. Texts are
         UTF-8 without control characters. Fogbell is an independent
         project, not affiliated with Juniper."
    REVISION     "202611220000Z"
    DESCRIPTION
        "First version."
    ::= { enterprises fogbellEnterprise(<number>) 1 }

fbNotifications OBJECT IDENTIFIER ::= { fogbell 0 }
fbObjects       OBJECT IDENTIFIER ::= { fogbell 1 }
fbConformance   OBJECT IDENTIFIER ::= { fogbell 2 }
fbCompliances   OBJECT IDENTIFIER ::= { fbConformance 1 }
fbGroups        OBJECT IDENTIFIER ::= { fbConformance 2 }

FbText ::= TEXTUAL-CONVENTION
    DISPLAY-HINT "255t"
    STATUS       current
    DESCRIPTION
        "Text in UTF-8 without control characters; sizes are in bytes.
         Length zero means that there is nothing to say."
    SYNTAX       OCTET STRING (SIZE (0..255))

FbPerceivedSeverity ::= TEXTUAL-CONVENTION
    STATUS       current
    DESCRIPTION
        "How bad something is: the perceived severities of ITU-T X.733,
         with the numbers of ItuPerceivedSeverity in RFC 3877."
    REFERENCE
        "RFC 3877, ITU-ALARM-TC-MIB"
    SYNTAX       INTEGER {
<severities>
                 }

"#;

const TAIL: &str = r#"fbCompliance MODULE-COMPLIANCE
    STATUS      current
    DESCRIPTION
        "What a sender of these notifications implements: all of it."
    MODULE
    MANDATORY-GROUPS { fbObjectGroup, fbNotificationGroup }
    ::= { fbCompliances 1 }

fbObjectGroup OBJECT-GROUP
    OBJECTS {
<objects>
    }
    STATUS      current
    DESCRIPTION
        "The objects that every notification carries."
    ::= { fbGroups 1 }

fbNotificationGroup NOTIFICATION-GROUP
    NOTIFICATIONS {
<notifications>
    }
    STATUS      current
    DESCRIPTION
        "Everything that a relay can send."
    ::= { fbGroups 2 }

END
"#;

#[cfg(test)]
mod tests {
    use crate::Mib;

    /// The module is frozen: a difference here breaks receivers that have compiled it.
    #[test]
    fn the_module_is_the_golden_one() {
        let text = Mib::default().text();
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/mib/FOGBELL-MIB");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(path, &text).unwrap();
        }

        assert!(
            std::fs::read_to_string(path).unwrap() == text,
            "{path} differs; UPDATE_GOLDEN=1 rewrites it"
        );
    }

    #[test]
    fn the_module_is_plain_text_that_every_parser_reads() {
        let text = Mib::default().text();

        assert!(text.is_ascii() && !text.contains(['\r', '\t']));
        assert!(text.ends_with("\nEND\n"));
        for line in text.lines() {
            assert!(line.len() <= 78 && line.trim_end() == line, "{line:?}");
        }
    }
}
