//! Signatures against the published vectors, and whom a server does not believe.

use super::*;
use crate::wire::message::Headers;

const URL: &str = "https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude-haiku-4-5-20251001-v1%3A0/converse";
const BODY: &str = r#"{"messages":[{"role":"user","content":[{"text":"hi"}]}]}"#;
/// 2026-01-02T03:04:05Z.
const THEN: Moment = Moment::from_millis(1_767_323_045_000);

fn source(session: Option<&str>) -> Source {
    Source::Stated {
        id: "AKIDEXAMPLE".to_owned(),
        secret: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        session: session.map(Secret::new),
    }
}

fn sent(url: &str, session: Option<&str>) -> WireRequest {
    let Source::Stated { id, secret, session } = source(session) else { unreachable!() };
    let credentials = stated(&id, &secret, session.as_ref());
    let request = WireRequest::new(url.to_owned(), BODY);
    signed(request, &credentials, "bedrock", "us-east-1", THEN).expect("it can be signed")
}

fn authorization(request: &WireRequest) -> &str {
    request.key.as_ref().expect("a signature").key.expose()
}

#[test]
fn signatures_equal_the_published_ones() {
    let plain = sent(URL, None);
    assert_eq!(plain.headers, [("x-amz-date", "20260102T030405Z".to_owned())]);
    assert_eq!(
        authorization(&plain),
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-east-1/bedrock/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date, \
         Signature=34a96cdbd6bd355bb6b09bacabc89d02b773bf555db05f1245ae638dad419459"
    );
    let temporary = sent(URL, Some("SESSIONTOKENEXAMPLE"));
    assert_eq!(
        authorization(&temporary),
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-east-1/bedrock/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, \
         Signature=68031ab4184d540e7ec1b991a9ca582b0064fcc441391b88aacac0c6f34529ef"
    );
    let token = temporary.added.iter().find(|header| &*header.name == "x-amz-security-token");
    assert_eq!(token.map(|header| header.value.expose()), Some("SESSIONTOKENEXAMPLE"));
    assert_eq!(temporary.headers.len(), 1, "the token is in no header that is shown");
}

#[test]
fn the_path_is_signed_as_it_is_sent_and_encoded_once_more() {
    // Were the path decoded or signed as it is, these two would be signed alike.
    let decoded = sent(&URL.replace("%3A", ":"), None);
    assert_ne!(authorization(&decoded), authorization(&sent(URL, None)));
    let twice = sent(&URL.replace("%3A", "%253A"), None);
    assert_ne!(authorization(&twice), authorization(&sent(URL, None)));
}

#[tokio::test]
async fn a_request_is_signed_for_its_own_region_first() {
    let redactor = Redactor::default();
    let signer = Signer::new("bedrock", Some("eu-west-1".to_owned()), source(None), &redactor);
    let request = WireRequest::new("http://127.0.0.1:9/model/m/converse".to_owned(), "{}");
    let usual = signer.authorize(request.clone()).await.expect("signed");
    assert!(authorization(&usual).contains("/eu-west-1/bedrock/"));
    let own = WireRequest { region: Some("us-west-2".to_owned()), ..request.clone() };
    let own = signer.authorize(own).await.expect("signed");
    assert!(authorization(&own).contains("/us-west-2/bedrock/"));
    let nowhere = Signer::new("bedrock", None, source(None), &redactor);
    let failure = nowhere.authorize(request).await.expect_err("no region");
    assert!(failure.message.contains("AWS_REGION_NAME"), "{failure}");
    let clean = redactor.clean_text("x wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY").into_owned();
    assert_eq!(clean, "x [redacted]");
}

#[test]
fn a_server_that_does_not_believe_says_so_in_several_ways() {
    let signer = Signer::new("bedrock", None, source(None), &Redactor::default());
    let reply = |status, name: &str, body: &'static str| {
        let mut headers = Headers::default();
        headers.push("x-amzn-errortype", name);
        WireReply { status, headers, body: body.into() }
    };
    for (reply, is_disbelief) in [
        (reply(403, "ExpiredTokenException:http://internal.amazon.com/", ""), true),
        (reply(400, "UnrecognizedClientException", ""), true),
        (
            reply(
                403,
                "",
                r#"{"message":"The security token included in the request is expired"}"#,
            ),
            true,
        ),
        (reply(403, "AccessDeniedException", "{}"), false),
        (reply(200, "ExpiredTokenException", "{}"), false),
        (reply(400, "ValidationException", "{}"), false),
    ] {
        assert_eq!(signer.is_disbelief(&reply), is_disbelief, "{reply:?}");
    }
    assert!(!signer.disbelieved(), "stated keys do not change");
}
