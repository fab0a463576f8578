use super::text::{CONTAINER_NOTE, MADE_BY, Options, Values};
use crate::tuning::Key;

/// Options for `docker run`; not with `--network host`, where Docker refuses `net.` parameters.
pub(super) fn docker(values: &Values) -> String {
    let mut text = format!("{MADE_BY}\n# {CONTAINER_NOTE}\ndocker run \\\n");
    for (key, value) in values {
        text.push_str(&format!("  --sysctl '{key}={value}' \\\n"));
    }
    text.push_str("  \"$@\"\n");
    text
}

pub(super) fn compose(values: &Values) -> String {
    let mut text =
        format!("{MADE_BY}\n# {CONTAINER_NOTE}\n# Put your service's name for app.\nservices:\n  app:\n    sysctls:\n");
    for (key, value) in values {
        text.push_str(&format!("      {key}: \"{value}\"\n"));
    }
    text
}

/// A pod; parameters that a pod may set without leave stand apart from those for which the kubelet must be told.
pub(super) fn kubernetes(values: &Values, options: &Options) -> String {
    let minor = options.kubernetes_minor.unwrap_or(u16::MAX);
    let (safe, unsafe_): (Vec<_>, Vec<_>) = values.iter().partition(|(key, _)| is_safe(*key, minor));
    let version = options.kubernetes_minor.map_or("the present versions".to_owned(), |minor| format!("1.{minor}"));
    let mut text = format!(
        "{MADE_BY}\n# {CONTAINER_NOTE}; a pod on the host's network cannot set them.\n# Safe and unsafe as in Kubernetes {version}.\n\
         apiVersion: v1\nkind: Pod\nmetadata:\n  name: app\nspec:\n  securityContext:\n    sysctls:\n"
    );
    let mut list = |title: &str, values: &[&(Key, String)]| {
        if !values.is_empty() {
            text.push_str(&format!("      # {title}\n"));
        }
        for (key, value) in values {
            text.push_str(&format!("      - name: {key}\n        value: \"{value}\"\n"));
        }
    };
    list("safe: allowed by default", &safe);
    list("unsafe: the pod is not admitted unless the kubelet allows them, see below", &unsafe_);
    text.push_str("  containers:\n    - name: app\n      image: app\n");
    if !unsafe_.is_empty() {
        text.push_str("# On each node, in the kubelet's configuration:\n#   allowedUnsafeSysctls:\n");
        for (key, _) in &unsafe_ {
            text.push_str(&format!("#     - {key}\n"));
        }
    }
    text
}

/// The list of pkg/kubelet/sysctl/safe_sysctls.go.
fn is_safe(key: Key, minor: u16) -> bool {
    match key {
        Key::PortRange => true,
        Key::ReservedPorts => minor >= 27,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_ports_are_safe_since_1_27() {
        let values = [(Key::ReservedPorts, "8080".to_owned()), (Key::PortRange, "10240 65535".to_owned())];
        let unsafe_part =
            |options| kubernetes(&values, &options).split_once("allowedUnsafe").map(|(_, part)| part.to_owned());
        assert_eq!(unsafe_part(Options::new()), None);
        assert_eq!(unsafe_part(Options::new().kubernetes(27)), None);
        assert!(unsafe_part(Options::new().kubernetes(26)).unwrap().contains("ip_local_reserved_ports"));
    }
}
