use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use subtle::ConstantTimeEq;

use super::{SealError, aead};
use crate::{Entropy, Secret};

/// What a wrap under a key file is for.
const PURPOSE: &[u8] = b"wilhelm root wrap 1";
/// Most bytes a command may answer.
const LONGEST_ANSWER: u64 = 64 << 10;
/// How often it is looked whether a command has ended, in milliseconds.
const LOOK_MILLISECONDS: u64 = 10;

/// What the keyring lies under.
#[derive(Clone, Debug)]
pub enum Root {
    /// A key out of its file.
    Key(Secret),
    /// A command that asks a key service.
    Command(RootCommand),
}

/// A program that wraps and unwraps keys, such as a key service's client.
///
/// It is called with one more argument, `wrap` or `unwrap`; it gets a line of base64 on its standard input and answers with
/// one on its standard output. What it wraps holds the key's name too, so that one answer does not stand for another. What
/// it writes to its standard error is not shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootCommand {
    /// The program; it is called by itself, not by a shell.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// How long it may take, in seconds.
    pub timeout_seconds: u32,
}

impl Root {
    /// Which kind it is, in a word.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Key(_) => "key-file",
            Self::Command(_) => "command",
        }
    }

    /// Wraps a key of a name.
    pub(super) fn wrap(
        &self,
        label: &str,
        secret: &Secret,
        entropy: &mut impl Entropy,
    ) -> Result<String, SealError> {
        match self {
            Self::Key(root) => {
                let mut wrapped = entropy.array::<32>()?.to_vec();
                let sealed = aead::wrap(root, &wrapped, PURPOSE, label.as_bytes(), secret.expose());
                wrapped.extend(sealed);
                Ok(STANDARD_NO_PAD.encode(wrapped))
            }
            Self::Command(command) => {
                let mut text = label.as_bytes().to_vec();
                text.push(0);
                text.extend_from_slice(secret.expose());
                let answer = command.ask("wrap", &STANDARD.encode(text))?;
                Ok(STANDARD_NO_PAD.encode(answer))
            }
        }
    }

    /// Unwraps a key of a name.
    pub(super) fn unwrap(&self, label: &str, wrapped: &str) -> Result<Secret, SealError> {
        let wrong = || SealError::WrongRoot { label: label.to_owned() };
        let wrapped = STANDARD_NO_PAD.decode(wrapped).map_err(|_| wrong())?;
        let bytes = match self {
            Self::Key(root) => {
                let (salt, sealed) = wrapped.split_at_checked(32).ok_or_else(wrong)?;
                aead::unwrap(root, salt, PURPOSE, label.as_bytes(), sealed).ok_or_else(wrong)?
            }
            Self::Command(command) => {
                let answer = command.ask("unwrap", &STANDARD.encode(wrapped))?;
                let split = answer.len().checked_sub(33).ok_or_else(wrong)?;
                let (name, secret) = answer.split_at(split);
                let is_named = name.ct_eq(label.as_bytes()) & secret[..1].ct_eq(&[0]);
                if !bool::from(is_named) {
                    return Err(wrong());
                }
                secret[1..].to_vec()
            }
        };
        <[u8; 32]>::try_from(bytes.as_slice()).map(Secret::new).map_err(|_| wrong())
    }
}

impl RootCommand {
    /// Asks the program, and waits no longer than it may take.
    fn ask(&self, verb: &str, line: &str) -> Result<Vec<u8>, SealError> {
        let failed = |what: String| SealError::Command { program: self.program.clone(), what };
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .arg(verb)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| failed(format!("cannot be started: {error}")))?;
        let mut stdin = child.stdin.take().expect("it is a pipe");
        let stdout = child.stdout.take().expect("it is a pipe");
        let line = format!("{line}\n");
        // A program that reads nothing must not keep us: whoever writes to it waits in a thread of its own.
        std::thread::spawn(move || stdin.write_all(line.as_bytes()));
        let (sender, answers) = mpsc::channel();
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let read = stdout.take(LONGEST_ANSWER + 1).read_to_end(&mut bytes);
            let _ = sender.send(read.map(|_| bytes));
        });
        let limit = Duration::from_secs(u64::from(self.timeout_seconds));
        let answer = answers.recv_timeout(limit);
        let late = || failed(format!("gave no answer within {} s", self.timeout_seconds));
        let Ok(answer) = answer else {
            end(&mut child);
            return Err(late());
        };
        let looks = u64::from(self.timeout_seconds) * 1000 / LOOK_MILLISECONDS;
        let mut status = None;
        for _ in 0..looks.max(1) {
            status = child.try_wait().map_err(|error| failed(format!("is lost: {error}")))?;
            if status.is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(LOOK_MILLISECONDS));
        }
        let Some(status) = status else {
            end(&mut child);
            return Err(late());
        };
        if !status.success() {
            return Err(failed(format!("could not {verb} a key ({status})")));
        }
        let no_answer = || failed("answered something else than a line of base64".to_owned());
        let answer = answer.map_err(|_| no_answer())?;
        if answer.len() as u64 > LONGEST_ANSWER {
            return Err(no_answer());
        }
        let text = str::from_utf8(&answer).map_err(|_| no_answer())?.trim();
        STANDARD.decode(text).ok().filter(|bytes| !bytes.is_empty()).ok_or_else(no_answer)
    }
}

/// Ends a program that took too long.
fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::tests::Counted;
    use crate::hex;

    #[test]
    fn a_wrap_is_that_of_pythons_cryptography() {
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../../../../testdata/privacy/golden.json")).expect("JSON");
        let case = &golden["root"][0];
        let text = |key: &str| case[key].as_str().expect("text");
        let root = Root::Key(Secret::new(hex::decode(text("root")).expect("a key")));
        let secret = root.unwrap(text("label"), text("wrapped")).expect("unwrapped");
        assert_eq!(hex::encode(secret.expose()), text("secret"));
        assert!(root.unwrap("key fedcba9876543210", text("wrapped")).is_err(), "another name");
    }

    #[test]
    fn another_root_and_a_changed_wrap_open_nothing() {
        let root = Root::Key(Secret::new([1; 32]));
        let wrapped = root.wrap("key", &Secret::new([2; 32]), &mut Counted(0)).expect("wrapped");
        assert_eq!(root.unwrap("key", &wrapped).expect("unwrapped").expose(), &[2; 32]);
        let other = Root::Key(Secret::new([3; 32])).unwrap("key", &wrapped);
        assert!(matches!(other, Err(SealError::WrongRoot { .. })));
        for wrong in ["", "!", "AAAA", &wrapped[1..], &wrapped[..wrapped.len() - 2]] {
            assert!(matches!(root.unwrap("key", wrong), Err(SealError::WrongRoot { .. })), "{wrong}");
        }
    }

    fn command(script: &str, timeout_seconds: u32) -> Root {
        let arguments = vec!["-c".to_owned(), script.to_owned(), "kms".to_owned()];
        Root::Command(RootCommand { program: "sh".to_owned(), arguments, timeout_seconds })
    }

    #[cfg(unix)]
    #[test]
    fn a_command_wraps_and_unwraps() {
        // The shell gives "x" in front and takes it away again: a key service that hides nothing.
        let root = command(
            "if [ \"$1\" = wrap ]; then { printf x; base64 -d; } | base64 -w0; else base64 -d | tail -c +2 | base64 -w0; fi",
            20,
        );
        let wrapped = root.wrap("key a", &Secret::new([7; 32]), &mut Counted(0)).expect("wrapped");
        assert_eq!(root.unwrap("key a", &wrapped).expect("unwrapped").expose(), &[7; 32]);
        let other = root.unwrap("key b", &wrapped).expect_err("another name");
        assert!(matches!(other, SealError::WrongRoot { .. }), "{other}");
    }

    #[cfg(unix)]
    #[test]
    fn a_command_that_fails_hangs_or_talks_is_named() {
        let said = |script: &str, seconds: u32| {
            let wrapped = command(script, seconds).wrap("key", &Secret::new([7; 32]), &mut Counted(0));
            wrapped.expect_err("no answer").to_string()
        };
        assert!(said("exit 3", 20).contains("could not wrap a key"));
        assert!(said("exec sleep 60", 1).contains("no answer within 1 s"));
        assert!(said("exec >&-; exec sleep 60", 1).contains("no answer within 1 s"));
        assert!(said("echo hello world", 20).contains("something else"));
        assert!(said("yes", 20).contains("something else") || said("yes", 20).contains("could not"));
        let none = Root::Command(RootCommand {
            program: "/nonexistent/kms".to_owned(),
            arguments: Vec::new(),
            timeout_seconds: 1,
        });
        let none = none.wrap("key", &Secret::new([7; 32]), &mut Counted(0)).expect_err("none");
        assert!(none.to_string().contains("cannot be started"), "{none}");
    }
}
