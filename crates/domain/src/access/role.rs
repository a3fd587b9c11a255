//! Roles and the permissions they carry: one table.

use serde::{Deserialize, Serialize};

/// What a user is in SalesCommand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Runs the platform; sees everything.
    SuperAdmin,
    /// Sees everything, changes no configuration.
    Executive,
    /// Sees their reporting tree; may start syncs.
    SalesManager,
    /// Sees their reporting tree.
    AccountManager,
    /// Sees their own records and what is below them, if anything.
    SalesUser,
    /// The same, without any action.
    Viewer,
}

/// Something a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Permission {
    /// Read dashboards.
    #[serde(rename = "dashboard:read")]
    DashboardRead,
    /// See the data lake's counts and browse entities within one's scope.
    #[serde(rename = "data-lake:read")]
    DataLakeRead,
    /// See sources and their runs.
    #[serde(rename = "sync:read")]
    SyncRead,
    /// Start a sync.
    #[serde(rename = "sync:trigger")]
    SyncTrigger,
    /// See raw positions and other internals.
    #[serde(rename = "ops:read")]
    OpsRead,
    /// Operate the pipeline: replays, switches, quarantine decisions, archives, erasure.
    #[serde(rename = "ops:manage")]
    OpsManage,
    /// Edit the records that one may see.
    #[serde(rename = "records:write")]
    RecordsWrite,
    /// Declare who reports to whom.
    #[serde(rename = "org:manage")]
    OrgManage,
    /// Let a colleague see what one sees oneself, for some days.
    #[serde(rename = "org:delegate")]
    OrgDelegate,
    /// Make accounts, change their roles, shut them out.
    #[serde(rename = "users:manage")]
    UsersManage,
    /// Read, check and export the log of who did what.
    #[serde(rename = "audit:read")]
    AuditRead,
}

impl Role {
    /// Every role, the mightiest first.
    pub const ALL: [Self; 6] = [
        Self::SuperAdmin,
        Self::Executive,
        Self::SalesManager,
        Self::AccountManager,
        Self::SalesUser,
        Self::Viewer,
    ];

    /// The role's name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::SuperAdmin => "Super Admin",
            Self::Executive => "Executive",
            Self::SalesManager => "Sales Manager",
            Self::AccountManager => "Account Manager",
            Self::SalesUser => "Sales User",
            Self::Viewer => "Viewer",
        }
    }

    /// Sees every record, not only a part of the reporting tree.
    pub fn sees_everything(self) -> bool {
        matches!(self, Self::SuperAdmin | Self::Executive)
    }

    /// What the role may do.
    pub fn permissions(self) -> &'static [Permission] {
        use Permission::{
            AuditRead, DashboardRead, DataLakeRead, OpsManage, OpsRead, OrgDelegate, OrgManage, RecordsWrite,
            SyncRead, SyncTrigger, UsersManage,
        };
        match self {
            Self::SuperAdmin => &[
                DashboardRead,
                DataLakeRead,
                SyncRead,
                SyncTrigger,
                OpsRead,
                OpsManage,
                RecordsWrite,
                OrgManage,
                OrgDelegate,
                UsersManage,
                AuditRead,
            ],
            Self::Executive => &[DashboardRead, DataLakeRead, SyncRead, OrgDelegate],
            Self::SalesManager => {
                &[DashboardRead, DataLakeRead, SyncRead, SyncTrigger, RecordsWrite, OrgDelegate]
            }
            Self::AccountManager | Self::SalesUser => {
                &[DashboardRead, DataLakeRead, SyncRead, RecordsWrite, OrgDelegate]
            }
            Self::Viewer => &[DashboardRead],
        }
    }

    /// Whether the role may do something.
    pub fn may(self, permission: Permission) -> bool {
        self.permissions().contains(&permission)
    }
}
