//! The house as it is against the house as ARCHITECTURE.md says it is: arrows between crates, absences, and what
//! every manifest has in common.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Crates by their bare names, each with the crates of the house it depends on.
type Arrows = BTreeMap<String, BTreeSet<String>>;

const PREFIX: &str = "wilhelm-";
const BEGIN: &str = "<!-- arrows: begin -->";
const END: &str = "<!-- arrows: end -->";
/// Crates that know no files, clock or network, and what each has to ban at least.
const SEALED: [&str; 4] = ["filters", "report", "stats", "study"];
const BANNED: [&str; 8] = [
    "std::fs::read",
    "std::fs::read_to_string",
    "std::fs::write",
    "std::fs::File::open",
    "std::time::SystemTime::now",
    "std::net::TcpStream",
    "std::collections::HashMap",
    "std::collections::HashSet",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace root exists")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The packages of the workspace as cargo sees them.
fn packages() -> Vec<serde_json::Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--offline", "--format-version", "1", "--no-deps"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    metadata["packages"].as_array().expect("packages are a list").clone()
}

fn text<'a>(value: &'a serde_json::Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} is no text in {value}"))
}

/// The bare name of a crate of the house; `None` for any other.
fn bare(package: &str) -> Option<String> {
    package.strip_prefix(PREFIX).map(str::to_owned)
}

/// Arrows as the manifests draw them: normal and build dependencies, not those of tests.
fn arrows_of_the_manifests() -> Arrows {
    packages()
        .iter()
        .map(|package| {
            let name = bare(text(package, "name")).expect("every package is a room of the house");
            let dependencies = package["dependencies"].as_array().expect("dependencies are a list");
            let inner = dependencies
                .iter()
                .filter(|dependency| dependency["kind"].as_str() != Some("dev"))
                .filter_map(|dependency| bare(text(dependency, "name")));
            (name, inner.collect())
        })
        .collect()
}

/// Names between backticks in one cell of a table.
fn names(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Arrows as the marked table draws them, or what is wrong with the table.
fn arrows_of_the_table(document: &str) -> Result<Arrows, String> {
    let (_, rest) = document.split_once(BEGIN).ok_or("the table's beginning is not marked")?;
    let (table, _) = rest.split_once(END).ok_or("the table's end is not marked")?;
    let mut arrows = Arrows::new();
    for line in table.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [crates, dependencies, absences] = cells.as_slice() else {
            return Err(format!("expected three cells: {line}"));
        };
        if absences.is_empty() || (*dependencies != "-" && names(dependencies).is_empty()) {
            return Err(format!("an empty cell: {line}"));
        }
        for name in names(crates) {
            if arrows.insert(name, names(dependencies)).is_some() {
                return Err(format!("a crate in two rows: {line}"));
            }
        }
    }
    if arrows.is_empty() { Err("the table has no rows".into()) } else { Ok(arrows) }
}

/// Each way in which the house differs from its table, as a sentence.
fn differences(table: &Arrows, manifests: &Arrows) -> Vec<String> {
    let mut found = Vec::new();
    for (name, drawn) in manifests {
        let Some(allowed) = table.get(name) else {
            found.push(format!("{name} has no row"));
            continue;
        };
        found.extend(drawn.difference(allowed).map(|to| format!("{name} -> {to} is not in the table")));
        found.extend(allowed.difference(drawn).map(|to| format!("{name} -> {to} is in no manifest")));
    }
    found.extend(
        table.keys().filter(|name| !manifests.contains_key(*name)).map(|name| format!("{name} is no crate")),
    );
    found
}

fn arrows(rows: &[(&str, &[&str])]) -> Arrows {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    rows.iter().map(|(name, to)| ((*name).to_owned(), owned(to))).collect()
}

#[test]
fn the_arrows_between_crates_are_those_of_the_table() {
    let table = arrows_of_the_table(&read("ARCHITECTURE.md")).expect("a table");
    let found = differences(&table, &arrows_of_the_manifests());
    assert!(found.is_empty(), "ARCHITECTURE.md and the manifests differ:\n{}", found.join("\n"));
}

#[test]
fn each_kind_of_difference_is_found() {
    let table = arrows(&[("study", &[]), ("nets", &["study"]), ("ghost", &[])]);
    let manifests = arrows(&[("study", &["nets"]), ("nets", &[]), ("new", &[])]);
    assert_eq!(
        differences(&table, &manifests),
        [
            "nets -> study is in no manifest",
            "new has no row",
            "study -> nets is not in the table",
            "ghost is no crate",
        ]
    );
    assert_eq!(differences(&table, &table), Vec::<String>::new());
}

#[test]
fn a_table_is_read_by_its_rows_and_a_crooked_one_is_refused() {
    let marked = |rows: &str| {
        format!("# A\n{BEGIN}\n| crate | depends on | knows nothing of |\n|---|---|---|\n{rows}\n{END}\n")
    };
    let good = marked("| `study` | - | files |\n| `nets` | `study` `stats` | DICOM, `Phi` |");
    assert_eq!(arrows_of_the_table(&good), Ok(arrows(&[("nets", &["stats", "study"]), ("study", &[])])));
    for crooked in [
        marked(""),
        marked("| `study` | - |"),
        marked("| `study` |  | files |"),
        marked("| `study` | - | files |\n| `study` | - | files |"),
        good.replace(END, ""),
    ] {
        assert!(arrows_of_the_table(&crooked).is_err(), "{crooked}");
    }
}

#[test]
fn no_arrow_leads_in_a_circle() {
    let mut rest = arrows_of_the_manifests();
    while !rest.is_empty() {
        let leaves: Vec<String> = rest
            .iter()
            .filter(|(_, to)| to.iter().all(|name| !rest.contains_key(name)))
            .map(|(name, _)| name.clone())
            .collect();
        assert!(!leaves.is_empty(), "a circle among {:?}", rest.keys());
        rest.retain(|name, _| !leaves.contains(name));
    }
}

#[test]
fn crates_that_know_no_files_clock_or_network_ban_them_with_reasons() {
    for name in SEALED {
        let settings: toml::Table = read(format!("crates/{name}/clippy.toml")).parse().expect("TOML");
        let mut reasons = BTreeMap::new();
        for list in ["disallowed-methods", "disallowed-types"] {
            for entry in settings[list].as_array().expect("a list") {
                let field = |key: &str| entry.get(key).and_then(toml::Value::as_str).unwrap_or_default();
                reasons.insert(field("path").to_owned(), field("reason").to_owned());
            }
        }
        for path in BANNED {
            assert!(reasons.contains_key(path), "{name} does not ban {path}");
        }
        assert!(reasons.values().all(|reason| reason.len() > 10), "{name} bans something without a reason");
    }
}

#[test]
fn a_crate_s_clippy_settings_begin_with_those_of_the_root() {
    let shared: toml::Table = read("clippy.toml").parse().expect("TOML");
    for name in SEALED {
        let own: toml::Table = read(format!("crates/{name}/clippy.toml")).parse().expect("TOML");
        for (key, value) in &shared {
            assert_eq!(own.get(key), Some(value), "{name}: {key}");
        }
    }
}

#[test]
fn every_manifest_takes_versions_and_lints_from_the_root() {
    for package in packages() {
        let name = text(&package, "name");
        let manifest: toml::Table = std::fs::read_to_string(text(&package, "manifest_path"))
            .expect("cargo found it")
            .parse()
            .expect("TOML");
        assert_eq!(manifest["lints"]["workspace"].as_bool(), Some(true), "{name}: lints");
        for key in ["version", "edition", "rust-version", "license", "publish"] {
            let inherited = manifest["package"][key].get("workspace").and_then(toml::Value::as_bool);
            assert_eq!(inherited, Some(true), "{name}: {key}");
        }
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(dependencies) = manifest.get(section).and_then(toml::Value::as_table) else { continue };
            for (dependency, line) in dependencies {
                let inherited = line.get("workspace").and_then(toml::Value::as_bool);
                assert_eq!(inherited, Some(true), "{name}: {dependency} in {section}");
            }
        }
        let folder = format!("crates/{}", bare(name).expect("a room of the house"));
        assert!(root().join(&folder).join("Cargo.toml").is_file(), "{name} is not in {folder}");
        let description = package["description"].as_str().unwrap_or_default();
        assert!(description.len() > 20, "{name} says {description:?} of itself");
    }
}
