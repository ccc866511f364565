use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{AccountError, Accounts};
use crate::durable::{self, Lock};

/// The form of the file; another one is refused.
const FORM: u32 = 1;

/// The file that keeps the accounts, for several processes.
#[derive(Clone, Debug)]
pub struct AccountsFile {
    path: PathBuf,
}

#[derive(Serialize)]
struct Written<'a> {
    form: u32,
    accounts: &'a Accounts,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    form: u32,
    accounts: Accounts,
}

impl AccountsFile {
    /// The file at a path; it need not be there.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The accounts; none where there is no file.
    ///
    /// # Errors
    /// [`AccountError::Content`], [`AccountError::Open`], and what the disk says.
    pub fn read(&self) -> Result<Accounts, AccountError> {
        let failed = |source: io::Error| AccountError::Io { path: self.path.clone(), source };
        let mut file = match std::fs::File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Accounts::default()),
            other => other.map_err(failed)?,
        };
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::MetadataExt::mode(&file.metadata().map_err(failed)?) & 0o777;
            if mode & 0o077 != 0 {
                return Err(AccountError::Open { path: self.path.clone(), mode });
            }
        }
        let mut text = String::new();
        io::Read::read_to_string(&mut file, &mut text).map_err(failed)?;
        let wrong = |what: String| AccountError::Content { path: self.path.clone(), what };
        // A message of the parser may repeat a value, so it says the place alone.
        let kept: Kept = serde_json::from_str(&text)
            .map_err(|error| wrong(format!("line {}, column {}", error.line(), error.column())))?;
        if kept.form != FORM {
            return Err(wrong(format!("its form is {}, expected {FORM}", kept.form)));
        }
        Ok(kept.accounts)
    }

    /// Changes the accounts, alone among all processes, and returns when the change is on the disk.
    ///
    /// An error of `change` leaves the file as it was, except where [`Accounts::begin_sign_in`] counted a try: that is
    /// for the caller to return as a value.
    ///
    /// # Errors
    /// What `change` gives, as [`AccountsFile::read`], and what the disk says.
    pub fn change<T>(
        &self,
        change: impl FnOnce(&mut Accounts) -> Result<T, AccountError>,
    ) -> Result<T, AccountError> {
        let failed = |source: io::Error| AccountError::Io { path: self.path.clone(), source };
        if let Some(folder) = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            durable::create_folder(folder).map_err(failed)?;
        }
        let _lock = Lock::exclusive(&self.path.with_extension("lock")).map_err(failed)?;
        let mut accounts = self.read()?;
        let before = accounts.clone();
        let result = change(&mut accounts)?;
        if accounts != before {
            let mut text = serde_json::to_string_pretty(&Written { form: FORM, accounts: &accounts })
                .expect("accounts are JSON");
            text.push('\n');
            durable::replace(&self.path, text.as_bytes(), true).map_err(failed)?;
        }
        Ok(result)
    }
}
