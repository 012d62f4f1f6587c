//! Tells the programs which versions of the crates they are measured with: those in the lock file.

use std::path::Path;

fn version_of<'a>(lock: &'a str, name: &str) -> &'a str {
    let entry = lock.split("[[package]]").find(|e| e.contains(&format!("name = \"{name}\"\n")));
    let line = entry.and_then(|e| e.lines().find(|line| line.starts_with("version = ")));
    line.map_or("unknown", |line| line.trim_start_matches("version = ").trim_matches('"'))
}

fn main() {
    let root = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let lock = std::fs::read_to_string(Path::new(&root).join("Cargo.lock")).expect("a lock file");
    for name in ["tokio", "hyper", "async-channel", "async-executor", "async-io", "async-lock", "smol-hyper"] {
        let key = name.replace('-', "_").to_uppercase();
        println!("cargo:rustc-env={key}_VERSION={}", version_of(&lock, name));
    }
    let rustc = std::process::Command::new(std::env::var("RUSTC").expect("cargo sets it")).arg("--version").output();
    let rustc = String::from_utf8_lossy(&rustc.expect("rustc --version").stdout).into_owned();
    println!("cargo:rustc-env=RUSTC_VERSION={}", rustc.split_whitespace().nth(1).unwrap_or("unknown"));
    println!("cargo:rerun-if-changed=Cargo.lock");
    println!("cargo:rerun-if-changed=build.rs");
}
