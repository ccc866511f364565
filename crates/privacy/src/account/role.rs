use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::AccountError;

/// The table of roles, as data.
const TABLE: &str = include_str!("../../data/roles.toml");

/// Closed lists with the names of the table.
macro_rules! named {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)*
        }
        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
            /// Its name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

named! {
    /// What one may do.
    Permission {
        /// Look at studies.
        StudySee = "study.see",
        /// Look at de-identified studies.
        StudySeeDeidentified = "study.see-deidentified",
        /// Bring studies in.
        StudyAdd = "study.add",
        /// Correct, merge and split studies.
        StudyChange = "study.change",
        /// Send studies to other systems.
        StudySend = "study.send",
        /// Write studies to files, with what identifies the patient.
        StudyExport = "study.export",
        /// Write de-identified copies to files.
        StudyExportDeidentified = "study.export-deidentified",
        /// Delete studies.
        StudyDelete = "study.delete",
        /// Look at reports.
        ReportSee = "report.see",
        /// Write and edit drafts.
        ReportDraft = "report.draft",
        /// Sign, amend and add to reports.
        ReportSign = "report.sign",
        /// Accept, edit and reject findings.
        FindingDecide = "finding.decide",
        /// Look at the projects of annotation that one has a part in.
        AnnotationSee = "annotation.see",
        /// Annotate images.
        AnnotationMake = "annotation.make",
        /// Make projects of annotation and say who annotates what.
        AnnotationManage = "annotation.manage",
        /// Run models.
        ModelRun = "model.run",
        /// Train and evaluate models.
        ModelTrain = "model.train",
        /// Invite others to a study.
        Consult = "consult",
        /// Access a patient in an emergency, with a reason.
        Emergency = "emergency",
        /// Make, change and close accounts.
        AccountManage = "account.manage",
        /// Change settings.
        SettingManage = "setting.manage",
        /// Make and change keys.
        KeyManage = "key.manage",
        /// Read the audit log.
        AuditSee = "audit.see",
    }
}

named! {
    /// What an account is for.
    Role {
        /// Looks at studies and reports.
        Viewer = "viewer",
        /// Brings studies in.
        Technologist = "technologist",
        /// Reads and signs.
        Radiologist = "radiologist",
        /// Works with de-identified copies.
        Researcher = "researcher",
        /// Keeps accounts, settings and keys.
        Administrator = "administrator",
    }
}

/// One row of the table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    about: String,
    may: BTreeSet<Permission>,
}

static ROLES: LazyLock<BTreeMap<Role, Row>> =
    LazyLock::new(|| toml::from_str(TABLE).expect("the table is compiled in and tested"));

impl Role {
    /// What it may do.
    pub fn permissions(self) -> &'static BTreeSet<Permission> {
        &ROLES[&self].may
    }

    /// What it is for, in words.
    pub fn about(self) -> &'static str {
        &ROLES[&self].about
    }

    /// The role of a name.
    ///
    /// # Errors
    /// [`AccountError::Role`] if there is none.
    pub fn parse(name: &str) -> Result<Self, AccountError> {
        Self::ALL.iter().copied().find(|role| role.name() == name).ok_or(AccountError::Role)
    }
}

impl Permission {
    /// The permission of a name.
    ///
    /// # Errors
    /// [`AccountError::Permission`] if there is none.
    pub fn parse(name: &str) -> Result<Self, AccountError> {
        Self::ALL.iter().copied().find(|one| one.name() == name).ok_or(AccountError::Permission)
    }

    /// Whether it is about a patient's data, and so bound to projects and patients.
    pub const fn is_of_a_patient(self) -> bool {
        !matches!(
            self,
            Self::AccountManage | Self::SettingManage | Self::KeyManage | Self::AuditSee | Self::ModelTrain
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_has_its_row_and_every_permission_a_role() {
        let mut given: BTreeSet<Permission> = BTreeSet::new();
        for role in Role::ALL {
            assert!(!role.about().is_empty());
            given.extend(role.permissions());
            assert_eq!(Role::parse(role.name()).expect("a role"), *role);
        }
        assert_eq!(given.len(), Permission::ALL.len(), "a permission that nobody has");
        assert!(Role::parse("root").is_err() && Permission::parse("everything").is_err());
    }

    #[test]
    fn who_keeps_accounts_reads_no_study_and_who_reads_keeps_no_accounts() {
        let administrator = Role::Administrator.permissions();
        for none in
            [Permission::StudySee, Permission::ReportSee, Permission::ReportSign, Permission::Emergency]
        {
            assert!(!administrator.contains(&none), "{none:?}");
        }
        for role in [Role::Viewer, Role::Technologist, Role::Radiologist, Role::Researcher] {
            for none in [Permission::AccountManage, Permission::KeyManage, Permission::StudyDelete] {
                assert!(!role.permissions().contains(&none), "{role:?} {none:?}");
            }
        }
        assert!(!Role::Researcher.permissions().contains(&Permission::StudySee));
        let signers: Vec<&Role> =
            Role::ALL.iter().filter(|role| role.permissions().contains(&Permission::ReportSign)).collect();
        assert_eq!(signers, [&Role::Radiologist]);
    }

    #[test]
    fn the_documentation_shows_the_table() {
        let page = include_str!("../../../../docs/privacy.md");
        for permission in Permission::ALL {
            let marks: Vec<&str> = Role::ALL
                .iter()
                .map(|role| if role.permissions().contains(permission) { "yes" } else { "-" })
                .collect();
            let row = format!("| `{}` | {} |", permission.name(), marks.join(" | "));
            assert!(page.contains(&row), "docs/privacy.md has no row {row}");
        }
    }
}
