use std::collections::BTreeSet;
use std::io::BufRead;

use chrono::{SecondsFormat, Utc};
use serde_json::json;
use wilhelm_privacy::SystemEntropy;
use wilhelm_privacy::account::{
    Access, AccountError, Accounts, AccountsFile, Permission, Policy, Role, UserName,
};
use wilhelm_privacy::audit::{Action, Event, ObjectKind, Outcome};

use crate::args::{self, AccessTo, UsersVerb};
use crate::audit::Book;
use crate::config::{self, Config};
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json};
use crate::table::columns;

/// `wilhelm users`
pub fn run(verb: &args::Users, config: &Config) -> anyhow::Result<Exit> {
    let file = AccountsFile::new(config::beside(&config.values.accounts.file, "accounts.json"));
    let desk = Desk { file, book: Book::open(config)?, json: verb.json };
    match &verb.verb {
        UsersVerb::Init => desk.init(),
        UsersVerb::List => desk.list(),
        UsersVerb::Add { name, role, access } => {
            let (name, roles, access) = (UserName::parse(name)?, roles(role)?, access_of(access));
            let add = |accounts: &mut Accounts| {
                accounts.add(&name, roles, access, Utc::now(), &mut SystemEntropy::default())
            };
            let secret = desk.change(Action::AccountMade, name.as_str(), add)?;
            desk.secret(name.as_str(), "password", secret.expose())
        }
        UsersVerb::Role { name, role, access, to } => {
            if (to.all || !to.project.is_empty()) && !access {
                return Err(Stop::usage(
                    "--all and --project want --access, which replaces what the account had",
                ));
            }
            let (name, roles) = (UserName::parse(name)?, roles(role)?);
            let access = access.then(|| access_of(to));
            desk.change(Action::AccountChanged, name.as_str(), |accounts| {
                accounts.set_roles(&name, Some(roles), access)
            })?;
            desk.done(name.as_str(), "has other roles")
        }
        UsersVerb::Disable { name, enable } => {
            let name = UserName::parse(name)?;
            desk.change(Action::AccountDisabled, name.as_str(), |accounts| {
                accounts.set_disabled(&name, !enable)
            })?;
            desk.done(name.as_str(), if *enable { "is open" } else { "is closed" })
        }
        UsersVerb::Reset { name } => {
            let name = UserName::parse(name)?;
            let reset = |accounts: &mut Accounts| accounts.reset(&name, &mut SystemEntropy::default());
            let secret = desk.change(Action::PasswordSet, name.as_str(), reset)?;
            desk.secret(name.as_str(), "password", secret.expose())
        }
        UsersVerb::Password { name } => desk.password(&UserName::parse(name)?),
        UsersVerb::Token { revoke: Some(id), .. } => {
            let is_there = desk.change(Action::TokenRevoked, id, |accounts| {
                if accounts.revoke_token(id) { Ok(()) } else { Err(AccountError::Unknown) }
            });
            is_there.map_err(|_| {
                Stop::input(format!("there is no token {id}: `wilhelm users list` shows them"))
            })?;
            desk.done(id, "is withdrawn")
        }
        UsersVerb::Token { name, scope, label, days, revoke: None } => {
            let name = UserName::parse(name.as_deref().unwrap_or_default())?;
            let scopes =
                scope.iter().map(|name| Permission::parse(name)).collect::<Result<BTreeSet<_>, _>>()?;
            let make = |accounts: &mut Accounts| {
                let entropy = &mut SystemEntropy::default();
                accounts.make_token(&name, label, scopes, *days, Utc::now(), entropy)
            };
            let (id, secret) = desk.change(Action::TokenMade, name.as_str(), make)?;
            desk.secret(&id, "token", secret.expose())
        }
    }
}

fn roles(names: &[String]) -> Result<BTreeSet<Role>, AccountError> {
    names.iter().map(|name| Role::parse(name)).collect()
}

fn access_of(access: &AccessTo) -> Access {
    Access { all: access.all, projects: access.project.iter().cloned().collect(), ..Access::default() }
}

/// Where accounts are kept and changes to them are written down.
struct Desk {
    file: AccountsFile,
    book: Book,
    json: bool,
}

impl Desk {
    /// Changes the accounts, and writes into the audit log how that ended.
    fn change<T>(
        &self,
        action: Action,
        name: &str,
        change: impl FnOnce(&mut Accounts) -> Result<T, AccountError>,
    ) -> anyhow::Result<T> {
        let kind = match action {
            Action::TokenRevoked => ObjectKind::Token,
            _ => ObjectKind::Account,
        };
        let result = self.file.change(change);
        let outcome = match &result {
            Ok(_) => Outcome::Done,
            Err(error) if error.is_callers_fault() => Outcome::Refused,
            Err(_) => Outcome::Failed,
        };
        let event = Event::new(self.book.actor(), action, self.book.object(kind, name), outcome);
        self.book.note(event.with("name", name.chars().take(64).collect::<String>()))?;
        Ok(result?)
    }

    fn init(&self) -> anyhow::Result<Exit> {
        let first = |accounts: &mut Accounts| {
            let made = accounts.first_administrator(Utc::now(), &mut SystemEntropy::default())?;
            made.ok_or(AccountError::NotTheFirst)
        };
        let (name, secret) = self.change(Action::AccountMade, "administrator", first)?;
        self.secret(name.as_str(), "password", secret.expose())
    }

    fn password(&self, name: &UserName) -> anyhow::Result<Exit> {
        let mut lines = std::io::stdin().lock().lines();
        let mut line = |what: &str| match lines.next() {
            Some(Ok(line)) => Ok(line),
            _ => Err(Stop::usage(format!(
                "the {what} password is missing: a line each on stdin, the old one first"
            ))),
        };
        let (old, new) = (line("old")?, line("new")?);
        let policy = Policy::default();
        // The try is kept, whatever comes of it.
        let challenge =
            self.file.change(|accounts| accounts.begin_sign_in(name.as_str(), Utc::now(), &policy))?;
        let checked = challenge.check(&old);
        self.change(Action::PasswordSet, name.as_str(), |accounts| {
            accounts.set_password(&checked, &new, None, &policy, &mut SystemEntropy::default())
        })?;
        self.done(name.as_str(), "has a new password")
    }

    fn list(&self) -> anyhow::Result<Exit> {
        let accounts = self.file.read()?;
        let day = |at: &chrono::DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        if self.json {
            let users: Vec<_> = accounts
                .users()
                .map(|(name, user)| {
                    json!({
                        "name": name, "roles": user.roles, "access": user.access, "is_disabled": user.is_disabled,
                        "must_change": user.must_change, "made": day(&user.made),
                    })
                })
                .collect();
            let tokens: Vec<_> = accounts
                .tokens()
                .map(|(id, token)| {
                    json!({
                        "token": id, "user": token.user, "label": token.label, "scopes": token.scopes,
                        "until": day(&token.until),
                    })
                })
                .collect();
            print_json(&json!({ "users": users, "tokens": tokens }))?;
            return Ok(Exit::Done);
        }
        let words = |names: Vec<&str>| names.join(" ");
        let rows: Vec<Vec<String>> = accounts
            .users()
            .map(|(name, user)| {
                let state = match (user.is_disabled, user.must_change) {
                    (true, _) => "closed",
                    (false, true) => "first password",
                    (false, false) => "open",
                };
                let access = match &user.access {
                    access if access.all => "all".to_owned(),
                    access => words(access.projects.iter().map(String::as_str).collect()),
                };
                let roles = words(user.roles.iter().map(|role| role.name()).collect());
                vec![name.to_string(), roles, access, state.to_owned()]
            })
            .collect();
        print(&columns(&["account", "roles", "access", "state"], &rows))?;
        let rows: Vec<Vec<String>> = accounts
            .tokens()
            .map(|(id, token)| {
                let scopes = words(token.scopes.iter().map(|scope| scope.name()).collect());
                let label = token.label.escape_debug().to_string();
                vec![id.to_owned(), token.user.to_string(), scopes, day(&token.until), label]
            })
            .collect();
        if !rows.is_empty() {
            print(&format!("\n{}", columns(&["token", "account", "may", "until", "for"], &rows)))?;
        }
        Ok(Exit::Done)
    }

    /// Prints a secret, this once.
    fn secret(&self, name: &str, what: &str, secret: &str) -> anyhow::Result<Exit> {
        if self.json {
            print_json(&json!({ "name": name, what: secret }))?;
        } else {
            print(&format!("{name}\n{secret}\n"))?;
            eprintln!("wilhelm: this {what} is shown this once and kept nowhere");
        }
        Ok(Exit::Done)
    }

    fn done(&self, name: &str, what: &str) -> anyhow::Result<Exit> {
        if self.json {
            print_json(&json!({ "name": name }))?;
        } else {
            print(&format!("{name} {what}\n"))?;
        }
        Ok(Exit::Done)
    }
}
