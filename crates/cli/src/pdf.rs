//! The text of PDF files, read in a process of its own: what a file makes its reader do ends at a limit of time, memory and
//! output, and that process can open no file and no connection.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use wilhelm_knowledge::passages::{PdfError, PdfText, pdf_text};

use crate::exit::{Exit, Stop};

/// Bytes of a file.
const FILE: u64 = 256 << 20;
/// Bytes of memory of the process that reads it, the program itself included.
const MEMORY: u64 = 2 << 30;
/// Seconds of a processor.
const PROCESSOR_SECONDS: u64 = 60;
/// Seconds by the clock, on a machine that has other work.
const SECONDS: u64 = 300;
/// Bytes of its answer.
const ANSWER: u64 = 256 << 20;
/// The verb of the process; not for people.
pub const VERB: &str = "pdf-text";

/// The text of a PDF file; otherwise why it has none, in words that follow its name.
pub fn text_of(path: &Path) -> Result<PdfText, String> {
    let file = File::open(path).map_err(|error| format!("cannot be read: {error}"))?;
    let size = file.metadata().map_err(|error| format!("cannot be read: {error}"))?.len();
    if size > FILE {
        return Err(format!(
            "is larger than {} MB, which is the most for a PDF: cut it into several",
            FILE >> 20
        ));
    }
    let program =
        std::env::current_exe().map_err(|error| format!("cannot be read: this program: {error}"))?;
    let mut child = Command::new(program)
        .arg(VERB)
        .env_clear()
        .stdin(file)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("cannot be read: no process: {error}"))?;
    let answer = answer_of(&mut child);
    let (answer, status) = match (answer, child.wait()) {
        (Some(answer), Ok(status)) => (answer, status),
        (None, _) => {
            return Err(format!("takes more than {SECONDS} seconds to read: it is damaged, or made for that"));
        }
        (_, Err(error)) => return Err(format!("cannot be read: no process: {error}")),
    };
    if !status.success() {
        return Err(why(status));
    }
    if answer.len() as u64 > ANSWER {
        return Err(format!("has more than {} MB of text: cut it into several", ANSWER >> 20));
    }
    let read: Result<PdfText, PdfError> =
        serde_json::from_slice(&answer).map_err(|_| "cannot be read: its text came cut".to_owned())?;
    read.map_err(|error| error.to_string())
}

/// All that the process writes until it ends; none where it does not end in time, and then it is ended.
fn answer_of(child: &mut Child) -> Option<Vec<u8>> {
    let out = child.stdout.take()?;
    let (sender, receiver) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = out.take(ANSWER + 1).read_to_end(&mut bytes);
        let _ = sender.send(bytes);
    });
    let found = receiver.recv_timeout(Duration::from_secs(SECONDS)).ok();
    if found.as_ref().is_none_or(|found| found.len() as u64 > ANSWER) {
        let _ = child.kill();
    }
    let _ = reader.join();
    found
}

fn why(status: ExitStatus) -> String {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        const ABORTED: i32 = 6;
        const KILLED: i32 = 9;
        const OUT_OF_TIME: i32 = 24;
        match status.signal() {
            Some(OUT_OF_TIME | KILLED) => {
                return format!(
                    "takes more than {PROCESSOR_SECONDS} seconds of a processor to read: it is damaged, or made for that"
                );
            }
            Some(ABORTED) => {
                return format!(
                    "takes more than {} MB of memory to read: it is damaged, or made for that",
                    MEMORY >> 20
                );
            }
            _ => {}
        }
    }
    let _ = status;
    "is damaged beyond reading".to_owned()
}

/// `wilhelm pdf-text`: a PDF on stdin, its text as JSON on stdout, within the limits.
pub fn child() -> anyhow::Result<Exit> {
    limit()?;
    let mut bytes = Vec::new();
    std::io::stdin().take(FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE {
        return Err(Stop::input("the PDF is too large"));
    }
    let answer = serde_json::to_vec(&pdf_text(bytes))?;
    std::io::stdout().write_all(&answer)?;
    Ok(Exit::Done)
}

#[cfg(unix)]
fn limit() -> std::io::Result<()> {
    use rlimit::Resource;
    // Standard input, output and error are open already; nothing more can be opened.
    for (resource, most) in [
        (Resource::AS, MEMORY),
        (Resource::CPU, PROCESSOR_SECONDS),
        (Resource::CORE, 0),
        (Resource::FSIZE, 0),
        (Resource::NOFILE, 0),
    ] {
        rlimit::setrlimit(resource, most, most)?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn limit() -> std::io::Result<()> {
    Err(std::io::Error::other("PDF is read on systems that can bound a process: bring it as text"))
}
