use super::text::MADE_BY;

/// The pool of kept connections; for nginx's `http` context.
pub(super) fn upstream(port: u16) -> String {
    format!("{MADE_BY}\nupstream twscan_application {{\n    server 127.0.0.1:{port};\n    keepalive 64;\n}}\n")
}

/// The way to the pool; for nginx's `server` context, in place of the platform's file of the same name.
pub(super) fn location() -> String {
    format!(
        "{MADE_BY}; takes the place of the platform's own file.\n# An empty Connection keeps connections to the \
         application open; WebSockets need a location of their own.\nlocation / {{\n    proxy_pass \
         http://twscan_application;\n    proxy_http_version 1.1;\n    proxy_set_header Connection \"\";\n    \
         proxy_set_header Host $host;\n    proxy_set_header X-Real-IP $remote_addr;\n    \
         proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n}}\n"
    )
}
