//! Pictures named by a URL, for providers that fetch none: they are sent what stands there.

use std::borrow::Cow;

use crate::call::failure::{Failure, FailureKind, Remedy};
use crate::call::picture;
use crate::call::request::Request;
use crate::provider::Dialect;
use crate::wire::message::WireRequest;
use crate::wire::transport::Transport;

/// The request as this dialect can say it: with each picture itself in the place of its URL, where
/// the provider would not fetch it.
///
/// `web` carries no key. A picture that cannot be had is a `BadRequestError`, unless asking again
/// may help.
pub async fn shown<'r>(
    request: &'r Request,
    dialect: &dyn Dialect,
    web: &dyn Transport,
) -> Result<Cow<'r, Request>, Failure> {
    if dialect.fetches_pictures() || request.messages.iter().all(|message| message.is_text()) {
        return Ok(Cow::Borrowed(request));
    }
    let mut request = request.clone();
    for url in picture::urls(&mut request.messages).filter(|url| picture::is_on_the_web(url)) {
        *url = fetched(url, web).await?;
    }
    Ok(Cow::Owned(request))
}

async fn fetched(url: &str, web: &dyn Transport) -> Result<String, Failure> {
    let fault = |why: String| {
        let message = format!("the picture `{url}` cannot be sent: {why}");
        Failure::new(FailureKind::BadRequest, message)
    };
    let reply = web.send(WireRequest::get(url.to_owned(), None)).await.map_err(|failure| {
        let message = format!("the picture `{url}` cannot be fetched: {}", failure.message);
        Failure { message, ..failure }
    })?;
    match reply.status {
        200..300 => {}
        408 | 429 | 500.. => {
            let why = format!("its server answers with status {}", reply.status);
            return Err(fault(why).with_remedy(Remedy::Retry));
        }
        status => return Err(fault(format!("its server answers with status {status}"))),
    }
    picture::data_url(&reply.body)
        .ok_or_else(|| fault("it is no PNG, JPEG, GIF or WebP".to_owned()))
}
