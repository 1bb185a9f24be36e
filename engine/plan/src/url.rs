//! MySQL URLs.

use secrecy::{ExposeSecret, SecretString};

/// What a URL says: `mysql://user:password@host:port/database`.
pub(crate) struct MysqlUrl {
    pub(crate) user: String,
    pub(crate) password: SecretString,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) database: Option<String>,
    /// The names of the parameters after the `?`.
    pub(crate) parameters: Vec<String>,
}

const SCHEME: &str = "mysql://";
const PORT_DEFAULT: u16 = 3306;

/// Reads a URL.
///
/// # Errors
///
/// What is wrong with it, as a fragment of a sentence without any part of the text: all of it may
/// be secret.
pub(crate) fn parse(text: &SecretString) -> Result<MysqlUrl, &'static str> {
    let rest =
        text.expose_secret().strip_prefix(SCHEME).ok_or("it does not begin with `mysql://`")?;
    let (authority, tail) = split_authority(rest);
    let Some((user_info, server)) = authority.rsplit_once('@') else {
        return Err(if tail.contains('@') {
            "its user or password holds a `/`, `?` or `#` that is not escaped"
        } else {
            "it names no user"
        });
    };
    if tail.contains('@') {
        return Err("its user or password holds a `/`, `?` or `#` that is not escaped");
    }
    let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
    let (user, password) = (unescape(user)?, unescape(password)?);
    if user.is_empty() {
        return Err("it names no user");
    }
    let (host, port) = split_server(server)?;
    let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
    if path.contains('#') || query.contains('#') {
        return Err("it holds a `#`");
    }
    let database = unescape(path.strip_prefix('/').unwrap_or(path))?;
    Ok(MysqlUrl {
        user,
        password: password.into(),
        host,
        port,
        database: Some(database).filter(|name| !name.is_empty()),
        parameters: parameters(rest).map(str::to_owned).collect(),
    })
}

/// The names of the parameters after the `?` in `text`, which need not be a whole URL.
pub(crate) fn parameters(text: &str) -> impl Iterator<Item = &str> {
    let (_, query) = text.split_once('?').unwrap_or_default();
    let parameters = query.split('&').filter(|parameter| !parameter.is_empty());
    parameters.map(|parameter| parameter.split_once('=').map_or(parameter, |(name, _)| name))
}

fn split_authority(rest: &str) -> (&str, &str) {
    rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()))
}

fn split_server(server: &str) -> Result<(String, u16), &'static str> {
    let (host, port) = if let Some(bracketed) = server.strip_prefix('[') {
        let (host, rest) = bracketed.split_once(']').ok_or("its `[` has no `]`")?;
        if host.parse::<std::net::Ipv6Addr>().is_err() {
            return Err("what stands in brackets is not an IPv6 address");
        }
        (host, rest.strip_prefix(':').or(rest.is_empty().then_some("")).ok_or(PORT_REASON)?)
    } else {
        server.split_once(':').unwrap_or((server, ""))
    };
    if host.is_empty() {
        return Err("it names no host");
    }
    let is_odd = |it: char| it.is_whitespace() || it.is_control() || "%<>\"\\^`{|}".contains(it);
    if host.contains(is_odd) {
        return Err("its host holds a character that no host's name has");
    }
    let port = match port {
        "" if server.ends_with(':') => return Err(PORT_REASON),
        "" => PORT_DEFAULT,
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().map_err(|_| PORT_REASON)?
        }
        _ => return Err(PORT_REASON),
    };
    if port == 0 {
        return Err(PORT_REASON);
    }
    Ok((host.to_owned(), port))
}

const PORT_REASON: &str = "its port is not a number from 1 to 65535";

fn unescape(text: &str) -> Result<String, &'static str> {
    const REASON: &str = "a `%` is not followed by two hexadecimal digits";
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || {
            let digit = rest.next().and_then(|digit| char::from(digit).to_digit(16));
            digit.and_then(|digit| u8::try_from(digit).ok()).ok_or(REASON)
        };
        let high = digit()?;
        bytes.push(high << 4 | digit()?);
    }
    String::from_utf8(bytes).map_err(|_| "what it escapes is not UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(String, String, String, u16, Option<String>), &'static str> {
        let url = parse(&SecretString::from(text))?;
        let password = url.password.expose_secret().to_owned();
        Ok((url.user, password, url.host, url.port, url.database))
    }

    #[track_caller]
    fn check(text: &str, user: &str, password: &str, host: &str, port: u16) {
        let (user, password, host) = (user.to_owned(), password.to_owned(), host.to_owned());

        assert_eq!(read(text), Ok((user, password, host, port, None)), "{text}");
    }

    #[test]
    fn parts_are_found_and_unescaped() {
        check("mysql://app:pw@db:3307", "app", "pw", "db", 3307);
        check("mysql://app@db", "app", "", "db", 3306);
        check("mysql://app:pw@db/", "app", "pw", "db", 3306);
        check("mysql://a%40b:%2F%3a@[::1]:1", "a@b", "/:", "::1", 1);
        check("mysql://app:p@ss:w@db", "app", "p@ss:w", "db", 3306);
        assert_eq!(read("mysql://a:b@h/shop").unwrap().4.as_deref(), Some("shop"));
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_the_reason() {
        for (text, reason) in [
            ("postgres://a@b", "it does not begin with `mysql://`"),
            ("mysql://db:3306", "it names no user"),
            ("mysql://@db", "it names no user"),
            ("mysql://app@", "it names no host"),
            ("mysql://app@:3306", "it names no host"),
            ("mysql://app@db:", PORT_REASON),
            ("mysql://app@db:0", PORT_REASON),
            ("mysql://app@db:70000", PORT_REASON),
            ("mysql://app@db:+5", PORT_REASON),
            ("mysql://app@[::1]x", PORT_REASON),
            ("mysql://app@[::1", "its `[` has no `]`"),
            ("mysql://app@[db]", "what stands in brackets is not an IPv6 address"),
            ("mysql://app:%4@db", "a `%` is not followed by two hexadecimal digits"),
            ("mysql://app:%ff@db", "what it escapes is not UTF-8"),
            (
                "mysql://app:a/b@db",
                "its user or password holds a `/`, `?` or `#` that is not escaped",
            ),
            ("mysql://app@my db", "its host holds a character that no host's name has"),
            ("mysql://app@db/#x", "it holds a `#`"),
        ] {
            assert_eq!(read(text), Err(reason), "{text}");
        }
    }
}
