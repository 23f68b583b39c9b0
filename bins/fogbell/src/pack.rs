//! `fogbell pack`: configuration for receivers, made of the tables that the encoders use.

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use relay::Config;
use snmp::Mib;

mod elastic;
mod grades;
mod lines;
mod opennms;
mod snmptt;
mod splunk;
mod zabbix;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The receiver to write configuration for
    receiver: Receiver,
    /// Folder for the files, made when it is missing. Without it a pack of one file is printed
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Take the enterprise number from this configuration file
    #[arg(short, long)]
    config: Option<PathBuf>,
    /// Also over files that are there and differ
    #[arg(long, requires = "out")]
    replace: bool,
}

/// A receiver that there is a pack for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Receiver {
    /// Event definitions for traps, with alarms that clear
    Opennms,
    /// A template with trap items and triggers, for Zabbix 6.0 and later
    Zabbix,
    /// Definitions for SNMPTT, which Nagios and Icinga are fed by
    Snmptt,
    /// An app for the formats of syslog, mapped to the Common Information Model
    Splunk,
    /// An ingest pipeline and an index template, for the formats json and rfc5424
    Elastic,
}

/// One file of a pack.
#[derive(Debug, Eq, PartialEq)]
struct Piece {
    /// Its path in the pack.
    path: &'static str,
    text: String,
}

/// Prints or writes a pack.
pub(crate) fn show(args: &Args) -> Result<(), Box<dyn Error>> {
    let enterprise = match &args.config {
        Some(path) => Config::load(path)?.enterprise,
        None => Mib::DEFAULT_ENTERPRISE,
    };
    let pieces = pieces(args.receiver, &Mib::new(enterprise)?);
    match (&args.out, &pieces[..]) {
        (Some(folder), _) => write(folder, &pieces, args.replace),
        (None, [piece]) => Ok(io::stdout().write_all(piece.text.as_bytes())?),
        (None, _) => {
            let paths: Vec<&str> = pieces.iter().map(|piece| piece.path).collect();
            Err(format!("this pack has several files ({}); name a folder with --out", paths.join(", "))
                .into())
        }
    }
}

fn pieces(receiver: Receiver, mib: &Mib) -> Vec<Piece> {
    match receiver {
        Receiver::Opennms => opennms::pieces(mib),
        Receiver::Zabbix => zabbix::pieces(mib),
        Receiver::Snmptt => snmptt::pieces(mib),
        Receiver::Splunk => splunk::pieces(),
        Receiver::Elastic => elastic::pieces(),
    }
}

/// Writes the files and names each; nothing is written when one that is there differs, unless they are to be replaced.
fn write(folder: &Path, pieces: &[Piece], replace: bool) -> Result<(), Box<dyn Error>> {
    let cannot = |what: &str, path: &Path| {
        let (what, path) = (what.to_owned(), path.display().to_string());
        move |error: io::Error| format!("cannot {what} `{path}`: {error}")
    };
    let mut differing = Vec::new();
    for piece in pieces {
        let path = folder.join(piece.path);
        match fs::read(&path) {
            Ok(there) if there != piece.text.as_bytes() => differing.push(path.display().to_string()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(cannot("read", &path)(error).into()),
        }
    }
    if !replace && !differing.is_empty() {
        let there = differing.join(", ");
        return Err(format!(
            "there already, and different: {there}; nothing was written, and --replace writes over them"
        )
        .into());
    }
    for piece in pieces {
        let path = folder.join(piece.path);
        let inside = path.parent().unwrap_or(folder);
        fs::create_dir_all(inside).map_err(cannot("make", inside))?;
        fs::write(&path, &piece.text).map_err(cannot("write", &path))?;
        writeln!(io::stdout(), "{}", path.display())?;
    }
    Ok(())
}

pub(crate) const EXAMPLE: &str = "\
Examples:
  fogbell pack snmptt > fogbell.conf
  fogbell pack splunk --out ./fogbell-app
  fogbell pack opennms --config /etc/fogbell/fogbell.toml --out ./opennms";

#[cfg(test)]
mod tests {
    use super::*;

    const RECEIVERS: [Receiver; 5] =
        [Receiver::Opennms, Receiver::Zabbix, Receiver::Snmptt, Receiver::Splunk, Receiver::Elastic];

    /// A difference here changes what operators have loaded: look at it before it is accepted.
    #[test]
    fn the_packs_are_the_golden_ones() {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/pack");
        for receiver in RECEIVERS {
            for piece in pieces(receiver, &Mib::default()) {
                let path = golden.join(format!("{receiver:?}").to_lowercase()).join(piece.path);
                if std::env::var_os("UPDATE_GOLDEN").is_some() {
                    fs::create_dir_all(path.parent().unwrap()).unwrap();
                    fs::write(&path, &piece.text).unwrap();
                }
                let there = fs::read_to_string(&path).unwrap_or_default();
                assert!(there == piece.text, "{} differs; UPDATE_GOLDEN=1 rewrites it", path.display());
            }
        }
    }

    #[test]
    fn packs_for_traps_follow_the_enterprise_number() {
        let mib = Mib::new(4_711).unwrap();
        for receiver in [Receiver::Opennms, Receiver::Zabbix, Receiver::Snmptt] {
            let text: String = pieces(receiver, &mib).into_iter().map(|piece| piece.text).collect();

            assert!(text.contains("4711") && !text.contains("32473"), "{receiver:?}");
        }
    }

    #[test]
    fn what_is_there_and_differs_is_replaced_only_when_asked() {
        let folder = tempfile::tempdir().unwrap();
        let piece = |text: &str| [Piece { path: "in/it", text: text.to_owned() }];

        write(folder.path(), &piece("a"), false).unwrap();
        write(folder.path(), &piece("a"), false).unwrap();
        let refused = write(folder.path(), &piece("b"), false).unwrap_err().to_string();
        assert!(refused.contains("in/it; nothing was written, and --replace"), "{refused}");
        assert_eq!(fs::read_to_string(folder.path().join("in/it")).unwrap(), "a");

        write(folder.path(), &piece("b"), true).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("in/it")).unwrap(), "b");
    }
}
