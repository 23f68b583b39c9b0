//! What receivers are made of, to load what `fogbell pack` writes: SNMPTT, Zabbix' own reader of templates in PHP, Ruby, whose
//! regular expressions are those of Elasticsearch's grok, and a reader of XML with a schema.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{apt, library_folders, quoted};
use crate::programs::{must_succeed, on_path};

/// Sees to it that `ruby` and `xmllint` are on `PATH` or in `bin`, and in `bin` `snmptt`, `php`, which is told where Zabbix' classes are
/// (`ZABBIX_FRONTEND`), and `with-perl`, which becomes a program that finds modules of Perl.
///
/// # Errors
///
/// When a package cannot be had, or a program does not start.
pub(super) fn provide(home: &Path, bin: &Path, always: bool) -> Result<()> {
    let root = home.join("receivers");
    if !root.is_dir() {
        println!("peers: unpacking {} beside the system", PACKAGES.join(", "));
        apt::unpack(home, &root, PACKAGES)?;
    }
    let perl = format!("PERL5LIB={}", shell(&perl_folders(&root).join(":")));
    let snmptt = format!("perl {}", shell(&root.join("usr/sbin/snmptt").display().to_string()));
    write(bin, "snmptt", &root, &perl, &snmptt)?;
    // for a program that has Perl built in
    write(bin, "with-perl", &root, &perl, "env")?;

    let zabbix = root.join("usr/share/zabbix");
    let php = match system("php", PHP_STARTS, always) {
        Some(program) => shown(&program),
        None => own_php(&root)?,
    };
    write(bin, "php", &root, &format!("ZABBIX_FRONTEND={}", shown(&zabbix)), &php)?;
    if system("ruby", RUBY_STARTS, always).is_none() {
        let (ruby, folders) = (versioned(&root, "usr/bin", "ruby3")?, ruby_folders(&root).join(":"));
        let start = format!("{} --disable-gems", shown(&ruby));
        write(bin, "ruby", &root, &format!("RUBYLIB={}", shell(&folders)), &start)?;
    }
    if system("xmllint", &["--version"], always).is_none() {
        write(bin, "xmllint", &root, "LC_ALL=C.UTF-8", &shown(&root.join("usr/bin/xmllint")))?;
    }

    for (name, arguments) in [
        ("snmptt", &["--version"][..]),
        ("php", PHP_STARTS),
        ("ruby", RUBY_STARTS),
        ("xmllint", &["--version"]),
    ] {
        let unpacked = bin.join(name);
        let program = if unpacked.exists() { unpacked } else { name.into() };
        must_succeed(Command::new(program).args(arguments))
            .with_context(|| format!("`{name}` ({}) does not start", PACKAGES.join(", ")))?;
    }
    Ok(())
}

/// The system's, when it is there and has what the tests need.
fn system(name: &str, arguments: &[&str], always: bool) -> Option<PathBuf> {
    let program = if always { None } else { on_path(name) };
    program.filter(|program| must_succeed(Command::new(program).args(arguments)).is_ok())
}

/// How the unpacked PHP is started, with its modules.
fn own_php(root: &Path) -> Result<String> {
    let (php, modules) = (versioned(root, "usr/bin", "php")?, versioned(root, "usr/lib/php", "2")?);
    let mut start = format!("{} -n -d extension_dir={}", shown(&php), shown(&modules));
    for module in PHP_MODULES.iter().filter(|module| modules.join(format!("{module}.so")).is_file()) {
        start += &format!(" -d extension={module}");
    }
    Ok(start)
}

/// A script that sets the environment and becomes the program, with the libraries that came along.
fn write(bin: &Path, name: &str, root: &Path, environment: &str, start: &str) -> Result<()> {
    let libraries: Vec<String> = library_folders(root).iter().map(|it| it.display().to_string()).collect();
    let (variable, _) = environment.split_once('=').unwrap_or((environment, ""));
    let text = format!(
        "#!/bin/sh\nLD_LIBRARY_PATH={}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}\nexport LD_LIBRARY_PATH\n{environment}\n\
         export {variable}\nexec {start} \"$@\"\n",
        shell(&libraries.join(":"))
    );
    let program = bin.join(name);
    fs::write(&program, text)
        .and_then(|()| fs::set_permissions(&program, fs::Permissions::from_mode(0o755)))
        .with_context(|| format!("cannot write `{}`", program.display()))
}

/// Where modules of Perl are: those in Perl, and those for this machine.
fn perl_folders(root: &Path) -> Vec<String> {
    let mut folders = vec![root.join("usr/share/perl5")];
    for library in library_folders(root) {
        folders.extend(versioned_in(&library.join("perl5"), "5"));
    }
    folders.iter().map(|folder| folder.display().to_string()).collect()
}

/// Where Ruby's own library is: what is in Ruby, and what is for this machine.
fn ruby_folders(root: &Path) -> Vec<String> {
    let found =
        library_folders(root).into_iter().filter_map(|library| versioned_in(&library.join("ruby"), "3"));
    found.map(|path| path.display().to_string()).collect()
}

/// What is in a folder under `root` and begins so, since its name has a version.
fn versioned(root: &Path, folder: &str, start: &str) -> Result<PathBuf> {
    versioned_in(&root.join(folder), start)
        .with_context(|| format!("there is no `{folder}/{start}…` in {}", PACKAGES.join(", ")))
}

fn versioned_in(folder: &Path, start: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?.filter_map(Result::ok);
    let mut found: Vec<PathBuf> = entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(start))
        .map(|it| it.path())
        .collect();
    found.sort();
    found.pop()
}

fn shown(path: &Path) -> String {
    shell(&path.display().to_string())
}

fn shell(text: &str) -> String {
    quoted(text)
}

/// The Debian packages; the frontend is a program of PHP, of which only classes are loaded.
const PACKAGES: &[&str] = &[
    "snmptt",
    "php-cli",
    "php-mbstring",
    "php-xml",
    "zabbix-frontend-php",
    "ruby",
    "libruby",
    "libxml2-utils",
];

/// Modules of PHP that the classes use, where they are not built in.
const PHP_MODULES: [&str; 8] =
    ["ctype", "mbstring", "tokenizer", "iconv", "gettext", "dom", "simplexml", "xmlreader"];

/// Ends well where PHP and Ruby have what the tests use.
const PHP_STARTS: &[&str] = &["-r", "mb_strlen('x'); ctype_digit('1'); gettext('x'); new DOMDocument();"];
const RUBY_STARTS: &[&str] = &["-rjson", "-rtime", "-e", "JSON.parse('{}')"];
