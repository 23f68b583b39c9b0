//! Builds of the two programs that do not tell where they were made.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::peers::musl_headers;
use crate::programs::{must_succeed, on_path, succeeds};
use crate::workspace::Workspace;

/// How programs are built.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// For this machine's kind of Linux, with its C library.
    Native,
    /// For any Linux on x86_64: musl and everything else inside.
    Static,
}

/// The programs of `source`, built into `target`; the folder they are in.
///
/// # Errors
///
/// When cargo fails, or a part for static programs cannot be had.
pub(super) fn programs(
    workspace: &Workspace,
    source: &Path,
    target: &Path,
    kind: Kind,
    debug: bool,
    epoch: &str,
) -> Result<PathBuf> {
    let mut cargo = workspace.cargo(["build", "--quiet", "--locked", "--bins"]);
    for program in super::PROGRAMS {
        cargo.args(["--package", program]);
    }
    cargo.current_dir(source).arg("--target-dir").arg(target);
    let profile = if debug { "debug" } else { "release" };
    if !debug {
        cargo.arg("--release");
    }
    let mut built = target.join(profile);
    if kind == Kind::Static {
        add_target(workspace)?;
        cargo
            .args(["--target", STATIC])
            .env(format!("CC_{}", STATIC.replace('-', "_")), musl_compiler(workspace)?);
        built = target.join(STATIC).join(profile);
    }
    without_places(&mut cargo, source, target)?;
    cargo
        .env("SOURCE_DATE_EPOCH", epoch)
        .env("CARGO_INCREMENTAL", "0")
        .env("CARGO_PROFILE_RELEASE_STRIP", "debuginfo")
        // debug builds are packed for tests only
        .env("CARGO_PROFILE_DEV_DEBUG", "0");
    if !succeeds(&mut cargo)? {
        bail!("the programs do not build");
    }
    Ok(built)
}

/// Replaces the folders of this machine in what the compilers write.
fn without_places(cargo: &mut Command, source: &Path, target: &Path) -> Result<()> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".cargo")));
    let home = home.context("neither CARGO_HOME nor HOME is set")?;
    let places =
        [(target, "/usr/src/target"), (source, "/usr/src/fogbell"), (home.as_path(), "/usr/src/cargo")];
    let (mut rust, mut c) = (Vec::new(), Vec::new());
    // of several that fit rustc takes the last one, and gcc too: the target directory may be inside the source
    for (place, name) in places.iter().rev() {
        rust.push(format!("--remap-path-prefix={}={name}", place.display()));
        c.push(format!("-ffile-prefix-map={}={name}", place.display()));
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", rust.join("\u{1f}")).env_remove("RUSTFLAGS");
    cargo.env("CFLAGS", c.join(" "));
    Ok(())
}

/// Sees to it that the standard library for static programs is there.
fn add_target(workspace: &Workspace) -> Result<()> {
    let sysroot =
        must_succeed(Command::new("rustc").args(["--print", "sysroot"]).current_dir(&workspace.root))?;
    if Path::new(sysroot.trim()).join("lib/rustlib").join(STATIC).is_dir() {
        return Ok(());
    }
    let added = on_path("rustup").map(|rustup| {
        must_succeed(Command::new(rustup).args(["target", "add", STATIC]).current_dir(&workspace.root))
    });
    match added {
        Some(Ok(_)) => Ok(()),
        Some(Err(error)) => Err(error),
        None => bail!("there is no rustup to add the target {STATIC} with"),
    }
    .context("static programs need Rust's standard library for musl; leave them out with --without-static")
}

/// A C compiler with the headers of musl; what it makes is linked by rustc, with the musl that came with it.
fn musl_compiler(workspace: &Workspace) -> Result<PathBuf> {
    let headers = musl_headers(workspace).context("or leave static programs out with --without-static")?;
    let own = must_succeed(Command::new("gcc").arg("-print-file-name=include"))?;
    let wrapper = workspace.target.join("dist/musl-gcc");
    let text = format!(
        "#!/bin/sh\nexec gcc -nostdinc -isystem '{}' -isystem '{}' \"$@\"\n",
        headers.display(),
        own.trim()
    );
    fs::create_dir_all(workspace.target.join("dist"))
        .and_then(|()| fs::write(&wrapper, text))
        .and_then(|()| fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)))
        .with_context(|| format!("cannot write `{}`", wrapper.display()))?;
    Ok(wrapper)
}

/// The target of static programs.
pub(super) const STATIC: &str = "x86_64-unknown-linux-musl";
