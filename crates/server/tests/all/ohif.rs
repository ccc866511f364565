//! OHIF's viewer out of a folder: what is served of it, and to whom.

use std::path::{Path, PathBuf};

use wilhelm_server::dimse::Settings as Entity;
use wilhelm_server::{ServeError, Server, Settings};
use wilhelm_store::Store;

use crate::sign_in::{PASSWORD, enter, guarded_with};
use crate::site::{Site, served_with, settings};

/// A folder as `tools/ohif.sh` makes it, with a link out of it.
fn prepared(root: &Path) -> PathBuf {
    let folder = root.join("ohif");
    std::fs::create_dir_all(folder.join("assets")).expect("a folder");
    let write = |name: &str, content: &[u8]| std::fs::write(folder.join(name), content).expect("a file");
    write("index.html", b"<!doctype html><title>OHIF</title>");
    write("app.bundle.1f.js", b"let plain;");
    write("app.bundle.1f.js.br", b"small");
    write("assets/favicon-32x32.png", b"png");
    std::fs::write(root.join("secret.txt"), b"secret").expect("a file");
    #[cfg(unix)]
    std::os::unix::fs::symlink(root.join("secret.txt"), folder.join("link.txt")).expect("a link");
    folder
}

fn with_ohif() -> Site {
    served_with(|folder| Settings { ohif: Some(prepared(folder)), ..settings(Entity::default()) })
}

fn get(site: &Site, path: &str, heads: &str) -> (u16, String, Vec<u8>) {
    site.request(&format!("GET {path}\nHost: localhost\n{heads}"), b"")
}

#[test]
fn ohif_is_served_with_a_policy_of_its_own_and_nothing_beside_it_is() {
    let site = with_ohif();
    for path in ["/ohif", "/ohif/", "/ohif/viewer", "/ohif/viewer?StudyInstanceUIDs=1.2"] {
        let (status, heads, body) = get(&site, path, "");
        assert_eq!((status, body.starts_with(b"<!doctype html>")), (200, true), "{path}");
        assert!(heads.contains("'unsafe-eval'") && heads.contains("frame-ancestors 'none'"), "{heads}");
    }
    let (status, heads, body) = get(&site, "/ohif/app.bundle.1f.js", "Accept-Encoding: br");
    assert_eq!((status, body.as_slice()), (200, b"small".as_slice()));
    assert!(heads.contains("text/javascript") && heads.contains("content-encoding: br"), "{heads}");
    let (_, _, body) = get(&site, "/ohif/app.bundle.1f.js", "");
    assert_eq!(body, b"let plain;");
    let tag = heads.lines().find_map(|line| line.strip_prefix("etag: ")).expect("a tag");
    assert_eq!(get(&site, "/ohif/app.bundle.1f.js", &format!("If-None-Match: {tag}")).0, 304);
    let (status, heads, body) = get(&site, "/ohif/app-config.js", "");
    assert_eq!((status, heads.contains("text/javascript")), (200, true));
    assert!(String::from_utf8_lossy(&body).contains("window.location.origin + \"/dicom-web\""));
    for path in [
        "/ohif/link.txt",
        "/ohif/../secret.txt",
        "/ohif/%2E%2E/secret.txt",
        "/ohif/..%2Fsecret.txt",
        "/ohif/app.bundle.1f.js.br",
        "/ohif/sw.js",
    ] {
        let (status, _, body) = get(&site, path, "");
        assert_eq!(status, 404, "{path}: {}", String::from_utf8_lossy(&body));
    }
    let (_, heads, _) = get(&site, "/plain", "");
    assert!(!heads.contains("unsafe-eval"), "the rest keeps its policy: {heads}");
    assert_eq!(site.json("/api/session")["ohif"], true);
}

#[test]
fn ohif_asks_for_sign_in_and_is_not_there_where_it_is_not_set() {
    let folder = tempfile::tempdir().expect("a folder");
    let ohif = Some(prepared(folder.path()));
    let site = guarded_with(Entity::default(), |settings| Settings { ohif, ..settings });
    let (status, heads, _) = get(&site, "/ohif/viewer", "");
    assert_eq!(status, 303, "{heads}");
    assert!(heads.contains("location: /sign-in"), "{heads}");
    let cookie = enter(&site, "viewer", PASSWORD).expect("a session");
    assert_eq!(get(&site, "/ohif/viewer", &format!("Cookie: {cookie}")).0, 200);
    let site = served_with(|_| settings(Entity::default()));
    assert_eq!(get(&site, "/ohif", "").0, 404);
    assert_eq!(site.json("/api/session")["ohif"], false);
}

#[test]
fn a_folder_that_is_not_ohifs_is_refused_at_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path(), wilhelm_store::Settings::default()).expect("an archive");
    for wrong in [folder.path().to_owned(), folder.path().join("nothing")] {
        let settings = Settings { ohif: Some(wrong), ..settings(Entity::default()) };
        let refused = Server::start(store.clone(), settings).expect_err("refused");
        assert!(matches!(refused, ServeError::Ohif { .. }), "{refused}");
    }
}
