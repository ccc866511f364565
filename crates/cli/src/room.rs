//! How much memory may still be taken: the machine's, and what the process's control groups allow.

use std::fs;
use std::path::{Path, PathBuf};

use wilhelm_learn::Room;

/// What may be taken before the system has to end a process; `None` where the system does not say.
pub fn room() -> Option<Room> {
    of(Path::new("/"))
}

/// The same of a system whose files lie below `root`.
fn of(root: &Path) -> Option<Room> {
    let machine = fs::read_to_string(root.join("proc/meminfo")).ok().and_then(|text| machine(&text));
    let machine = machine.map(|bytes| Room { bytes, words: "free memory of the machine".to_owned() });
    let group = groups(root).map(|bytes| Room { bytes, words: "limit of the control group".to_owned() });
    [machine, group].into_iter().flatten().min_by_key(|room| room.bytes)
}

/// Available memory and free swap of `/proc/meminfo`, in bytes.
fn machine(text: &str) -> Option<u64> {
    let of = |name: &str| -> Option<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
    };
    Some(of("MemAvailable")? + of("SwapFree").unwrap_or(0))
}

/// What the control groups of this process leave it, the least of all; `None` where none has a limit.
fn groups(root: &Path) -> Option<u64> {
    let own = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    own.lines().filter_map(|line| group(root, line)).min()
}

/// One line of `/proc/self/cgroup`: a number, controllers, a path; of the second version no controllers.
fn group(root: &Path, line: &str) -> Option<u64> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (controllers, path) = (parts.next()?, parts.next()?);
    let (base, files) = if controllers.is_empty() {
        (root.join("sys/fs/cgroup"), ["memory.max", "memory.current", "inactive_file"])
    } else if controllers.split(',').any(|one| one == "memory") {
        let files = ["memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"];
        (root.join("sys/fs/cgroup/memory"), files)
    } else {
        return None;
    };
    // A container sees the files of its own group at the top, whatever path it is told.
    let mut places: Vec<PathBuf> = vec![base.clone()];
    for part in path.split('/').filter(|part| !part.is_empty()) {
        places.push(places.last()?.join(part));
    }
    places.iter().filter_map(|place| left(place, files)).min()
}

/// What one group leaves: its limit less what it holds, but for files that are read again when they are needed.
fn left(place: &Path, [limit, held, files]: [&str; 3]) -> Option<u64> {
    let read = |name: &str| fs::read_to_string(place.join(name)).ok();
    // The second version says "max" where there is none; the first a number above any machine's.
    let limit: u64 = read(limit)?.trim().parse().ok().filter(|limit| *limit < 1 << 60)?;
    let held: u64 = read(held)?.trim().parse().ok()?;
    let cached = read("memory.stat").and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix(files)?.strip_prefix(' '))?;
        line.trim().parse::<u64>().ok()
    });
    Some(limit.saturating_sub(held.saturating_sub(cached.unwrap_or(0))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            let place = root.path().join(name);
            fs::create_dir_all(place.parent().expect("a folder")).expect("made");
            fs::write(place, text).expect("written");
        }
        root
    }

    const MACHINE: (&str, &str) = (
        "proc/meminfo",
        "MemTotal:       16000000 kB\nMemAvailable:    8000000 kB\nSwapFree:        1000000 kB\n",
    );

    #[test]
    fn the_least_of_machine_and_groups_counts_with_what_is_read_again_taken_off() {
        let alone = system(&[MACHINE]);
        let room = of(alone.path()).expect("told");
        assert_eq!((room.bytes, room.words.as_str()), (9_000_000 * 1024, "free memory of the machine"));

        // The second version: the group above has the tighter limit, of which 1.0 of 1.5 GB are held, 0.4 of them files.
        let second = system(&[
            MACHINE,
            ("proc/self/cgroup", "0::/outer/inner\n"),
            ("sys/fs/cgroup/outer/memory.max", "1500000000\n"),
            ("sys/fs/cgroup/outer/memory.current", "1000000000\n"),
            ("sys/fs/cgroup/outer/memory.stat", "anon 600000000\ninactive_file 400000000\n"),
            ("sys/fs/cgroup/outer/inner/memory.max", "max\n"),
            ("sys/fs/cgroup/outer/inner/memory.current", "1000000000\n"),
        ]);
        let room = of(second.path()).expect("told");
        assert_eq!((room.bytes, room.words.as_str()), (900_000_000, "limit of the control group"));

        // A container of the first version, whose group stands at the top; another controller's line says nothing.
        let first = system(&[
            MACHINE,
            ("proc/self/cgroup", "5:cpu:/x\n4:memory,hugetlb:/docker/abc\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "2000000000\n"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "2500000000\n"),
        ]);
        assert_eq!(of(first.path()).expect("told").bytes, 0);

        let unlimited = system(&[
            MACHINE,
            ("proc/self/cgroup", "4:memory:/\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "1\n"),
        ]);
        assert_eq!(of(unlimited.path()).expect("told").bytes, 9_000_000 * 1024);
        assert_eq!(of(system(&[]).path()), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_system_says_how_much_there_is() {
        assert!(room().is_some_and(|room| room.bytes > 1_000_000));
    }
}
