//! Why a sign-in through a provider did not succeed: one word for the sign-in page, which says what to do.
//!
//! Nothing of what a provider wrote is in it: its texts go neither to the browser nor to the log.

/// Why there is no session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.code())]
pub(crate) enum Refusal {
    ProviderUnknown,
    ProviderUnavailable,
    ProviderMisconfigured,
    ProviderError,
    AccessDenied,
    ConsentRequired,
    InteractionRequired,
    SignInExpired,
    StateInvalid,
    AlreadyUsed,
    CodeRefused,
    TokenInvalid,
    AlgorithmRefused,
    KeyUnknown,
    SignatureInvalid,
    IssuerMismatch,
    AudienceMismatch,
    NonceMismatch,
    TokenExpired,
    ClockSkew,
    TenantNotAllowed,
    GroupsIncomplete,
    NoRole,
    AccountExists,
    AccountDisabled,
    DirectoryDisabled,
    TooManyAttempts,
    Unavailable,
}

impl Refusal {
    /// The word that the sign-in page knows.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::ProviderUnknown => "provider-unknown",
            Self::ProviderUnavailable => "provider-unavailable",
            Self::ProviderMisconfigured => "provider-misconfigured",
            Self::ProviderError => "provider-error",
            Self::AccessDenied => "access-denied",
            Self::ConsentRequired => "consent-required",
            Self::InteractionRequired => "interaction-required",
            Self::SignInExpired => "sign-in-expired",
            Self::StateInvalid => "state-invalid",
            Self::AlreadyUsed => "already-used",
            Self::CodeRefused => "code-refused",
            Self::TokenInvalid => "token-invalid",
            Self::AlgorithmRefused => "algorithm-refused",
            Self::KeyUnknown => "key-unknown",
            Self::SignatureInvalid => "signature-invalid",
            Self::IssuerMismatch => "issuer-mismatch",
            Self::AudienceMismatch => "audience-mismatch",
            Self::NonceMismatch => "nonce-mismatch",
            Self::TokenExpired => "token-expired",
            Self::ClockSkew => "clock-skew",
            Self::TenantNotAllowed => "tenant-not-allowed",
            Self::GroupsIncomplete => "groups-incomplete",
            Self::NoRole => "no-role",
            Self::AccountExists => "account-exists",
            Self::AccountDisabled => "account-disabled",
            Self::DirectoryDisabled => "directory-disabled",
            Self::TooManyAttempts => "too-many-attempts",
            Self::Unavailable => "unavailable",
        }
    }

    /// Whether it is trouble that an operator should see, and not somebody who was turned away.
    pub(crate) fn is_failure(self) -> bool {
        matches!(
            self,
            Self::ProviderUnavailable | Self::ProviderMisconfigured | Self::ProviderError | Self::Unavailable
        )
    }

    /// What an error of the authorization or the token endpoint means (RFC 6749, OpenID Connect Core 3.1.2.6).
    pub(crate) fn of_provider(error: &str) -> Self {
        match error {
            "access_denied" => Self::AccessDenied,
            "consent_required" => Self::ConsentRequired,
            "interaction_required" | "login_required" | "account_selection_required" => {
                Self::InteractionRequired
            }
            "server_error" | "temporarily_unavailable" => Self::ProviderUnavailable,
            "invalid_client"
            | "unauthorized_client"
            | "invalid_request"
            | "invalid_scope"
            | "invalid_resource"
            | "unsupported_response_type"
            | "unsupported_grant_type" => Self::ProviderMisconfigured,
            "invalid_grant" => Self::CodeRefused,
            _ => Self::ProviderError,
        }
    }
}
