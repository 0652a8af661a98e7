//! What a token is asked with: the key of a service account, the login of a user, or the word of
//! the machine on which we run.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::signature::RSA_PKCS1_SHA256;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use crate::wire::secret::Secret;

/// All of Google Cloud; what a call may do is decided by the account's roles.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// How long an assertion holds, in seconds; Google takes no longer.
const ASSERTION_LIVES: i64 = 3600;

/// What a token is asked with.
#[derive(Debug)]
pub enum Grant {
    /// A service account signs an assertion.
    Account {
        /// The account's address.
        email: String,
        /// Its private key.
        key: SigningKey,
        /// Which of its keys that is.
        key_id: Option<String>,
        /// Where the assertion is exchanged.
        token_uri: String,
    },
    /// A user has logged in by `gcloud`.
    User {
        /// The program to which the user gave leave.
        client_id: String,
        /// That program's secret.
        client_secret: Secret,
        /// What stands for the user.
        refresh_token: Secret,
        /// Where it is exchanged.
        token_uri: String,
    },
    /// The machine's own account, by its metadata server.
    Machine {
        /// The server: `metadata.google.internal`, with a port where it has one.
        host: String,
        /// Whether it is asked for the project too.
        asks_project: bool,
    },
}

impl Grant {
    /// The fields of the form that is sent to the token server at this second; `None` where a token
    /// is fetched with no form.
    pub(super) fn form(&self, now: i64) -> Result<Option<Vec<(&'static str, Secret)>>, String> {
        let plain = Secret::new;
        Ok(Some(match self {
            Self::Account { email, key, key_id, token_uri } => {
                let claims = json!({
                    "iss": email,
                    "scope": SCOPE,
                    "aud": token_uri,
                    "iat": now,
                    "exp": now + ASSERTION_LIVES,
                });
                vec![
                    ("grant_type", plain("urn:ietf:params:oauth:grant-type:jwt-bearer")),
                    ("assertion", key.assertion(key_id.as_deref(), &claims)?),
                ]
            }
            Self::User { client_id, client_secret, refresh_token, .. } => vec![
                ("grant_type", plain("refresh_token")),
                ("client_id", plain(client_id)),
                ("client_secret", client_secret.clone()),
                ("refresh_token", refresh_token.clone()),
            ],
            Self::Machine { .. } => return Ok(None),
        }))
    }

    /// Who asks, for people.
    pub(super) fn who(&self) -> String {
        match self {
            Self::Account { email, .. } => format!("the service account `{email}`"),
            Self::User { .. } => "the login of `gcloud`".to_owned(),
            Self::Machine { .. } => "this machine's account".to_owned(),
        }
    }
}

/// The private key of a service account.
pub struct SigningKey(Box<KeyPair>);

impl SigningKey {
    /// Reads the key as Google's files hold it; `Err` says what is wrong with it, without it.
    pub fn from_pem(pem: &str) -> Result<Self, String> {
        let der = PrivateKeyDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| "it is no private key in PEM".to_owned())?;
        let pair = match &der {
            PrivateKeyDer::Pkcs8(der) => KeyPair::from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(der) => KeyPair::from_der(der.secret_pkcs1_der()),
            _ => return Err("it is no RSA key".to_owned()),
        };
        pair.map(|pair| Self(Box::new(pair)))
            .map_err(|why| format!("it is no RSA key that can be used: {why}"))
    }

    /// A signed JSON Web Token with these claims.
    fn assertion(&self, key_id: Option<&str>, claims: &Value) -> Result<Secret, String> {
        let mut header = json!({"alg": "RS256", "typ": "JWT"});
        if let Some(key_id) = key_id {
            header["kid"] = key_id.into();
        }
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = [part(&header), part(claims)].join(".");
        let mut signature = vec![0; self.0.public().modulus_len()];
        self.0
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| "the private key cannot sign".to_owned())?;
        Ok(Secret::new(&[signed, URL_SAFE_NO_PAD.encode(signature)].join(".")))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}
