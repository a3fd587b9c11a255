//! What people and the system do that is written down, and what came of it.

use std::fmt;

use serde::{Serialize, Serializer};

macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,)+) => {
        /// Something that is written down. The words are for good: entries that hold them are never changed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action {
            $($(#[$doc])* $variant,)+
        }

        impl Action {
            /// Every action.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Its word.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }
    };
}

actions! {
    /// Somebody signed in.
    SessionSignedIn = "session.signed_in",
    /// A sign-in was refused.
    SessionRefused = "session.refused",
    /// Somebody signed out, or was signed out everywhere.
    SessionEnded = "session.ended",
    /// A refresh token came a second time: its sessions were ended.
    SessionReuseDetected = "session.reuse_detected",
    /// A password was replaced by its owner, or at a shell.
    PasswordChanged = "password.changed",
    /// A link to choose a password was made.
    PasswordLinkMade = "password.link_made",
    /// An account was made.
    AccountCreated = "account.created",
    /// An account got another name.
    AccountRenamed = "account.renamed",
    /// An account got another role.
    AccountRoleChanged = "account.role_changed",
    /// An account was shut out.
    AccountDisabled = "account.disabled",
    /// An account was let in again.
    AccountEnabled = "account.enabled",
    /// An identity at a sign-in provider opens an account from now on.
    IdentityLinked = "identity.linked",
    /// Somebody's manager was declared.
    ManagerDeclared = "manager.declared",
    /// What was declared of somebody's manager was taken back.
    ManagerTakenBack = "manager.taken_back",
    /// Somebody lets a colleague see what they see, for some days.
    DelegationMade = "delegation.made",
    /// Such a delegation was withdrawn.
    DelegationWithdrawn = "delegation.withdrawn",
    /// A source was added.
    SourceAdded = "source.added",
    /// A source's title, settings or schedule were changed.
    SourceChanged = "source.changed",
    /// A source was forgotten.
    SourceRemoved = "source.removed",
    /// A source's credential was replaced.
    SourceCredentialReplaced = "source.credential_replaced",
    /// A source got a web hook.
    HookMade = "hook.made",
    /// A source's web hook was taken away.
    HookClosed = "hook.closed",
    /// Somebody asked for a sync.
    SyncTriggered = "sync.triggered",
    /// Somebody ended a sync.
    SyncCancelled = "sync.cancelled",
    /// Somebody had objects of a source read as a whole again.
    SyncCursorReset = "sync.cursor_reset",
    /// Somebody asked for a replay or a verification.
    ReplayStarted = "replay.started",
    /// Somebody stopped a replay.
    ReplayCancelled = "replay.cancelled",
    /// Somebody asked for the switch to what a replay has built.
    ReplaySwitched = "replay.switched",
    /// Somebody went back to what was read before.
    ReplayRolledBack = "replay.rolled_back",
    /// Somebody gave up the way back.
    ReplayPreviousDropped = "replay.previous_dropped",
    /// A rejected event was read again.
    QuarantineRetried = "quarantine.retried",
    /// A rejected event was left out for good.
    QuarantineWaived = "quarantine.waived",
    /// A person was erased.
    PersonErased = "person.erased",
    /// An epoch was sealed by hand.
    EpochSealed = "epoch.sealed",
    /// An epoch was archived.
    EpochArchived = "epoch.archived",
    /// An epoch was restored from its archive.
    EpochRestored = "epoch.restored",
    /// An epoch was deleted from the broker.
    EpochDeleted = "epoch.deleted",
    /// The audit log, or documents, left the system as a file.
    ExportMade = "export.made",
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Serialize for Action {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl<'de> serde::Deserialize<'de> for Action {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        let known = Self::ALL.iter().find(|action| action.word() == word);
        known.copied().ok_or_else(|| serde::de::Error::custom(format!("there is no action {word:?}")))
    }
}

/// What came of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is done.
    Done,
    /// It was refused, and has changed nothing.
    Refused,
    /// It was begun and did not come to its end; part of it may be done.
    Failed,
    /// Its process ended before it could say.
    Unknown,
}

impl Outcome {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn words_are_dotted_different_and_read_back() {
        let words: BTreeSet<_> = Action::ALL.iter().map(|action| action.word()).collect();
        assert_eq!(words.len(), Action::ALL.len());
        for action in Action::ALL {
            let word = action.word();
            let legal = |c: char| c.is_ascii_lowercase() || c == '_' || c == '.';
            assert!(word.chars().all(legal) && word.split('.').count() == 2, "{word}");
            let text = serde_json::to_string(action).unwrap();
            assert_eq!(serde_json::from_str::<Action>(&text).unwrap(), *action);
        }
        assert!(serde_json::from_str::<Action>("\"session.begun\"").is_err());
    }
}
