use super::text::{MADE_BY, SYSCTL_D, Values, indented};

/// No quotes: systemd-sysctl would write them to the kernel, which refuses them.
pub(super) fn sysctl_d(values: &Values) -> String {
    let lines: String = values.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
    format!("{MADE_BY}\n{lines}")
}

/// The file for every boot, and a command for the first, when systemd-sysctl has run already.
pub(super) fn cloud_init(values: &Values) -> String {
    format!(
        "#cloud-config\n{MADE_BY}\nwrite_files:\n  - path: {SYSCTL_D}\n    owner: root:root\n    permissions: '0644'\n    \
         content: |\n{}runcmd:\n  - [sysctl, -p, {SYSCTL_D}]\n",
        indented(&sysctl_d(values), 6)
    )
}

/// Copies the file and loads it when it has changed.
pub(super) fn ansible(values: &Values) -> String {
    format!(
        "---\n{MADE_BY}\n- name: Local ports and TIME_WAIT\n  hosts: all\n  become: true\n  gather_facts: false\n  tasks:\n    - name: Kernel \
         parameters for every boot\n      ansible.builtin.copy:\n        dest: {SYSCTL_D}\n        owner: root\n        \
         group: root\n        mode: \"0644\"\n        content: |\n{}      notify: Load kernel parameters\n  handlers:\n    \
         - name: Load kernel parameters\n      ansible.builtin.command: sysctl -p {SYSCTL_D}\n      changed_when: true\n",
        indented(&sysctl_d(values), 10)
    )
}

/// For hosts where something else sets the values after the boot files were read.
pub(super) fn systemd(values: &Values) -> String {
    let mut text = format!(
        "{MADE_BY}\n[Unit]\nDescription=Local ports and TIME_WAIT (twscan)\nAfter=systemd-sysctl.service\n\
         Before=network.target\n\n[Service]\nType=oneshot\nRemainAfterExit=yes\n"
    );
    for (key, value) in values {
        text.push_str(&format!("ExecStart=/usr/sbin/sysctl -w \"{key}={value}\"\n"));
    }
    text.push_str("\n[Install]\nWantedBy=multi-user.target\n");
    text
}

pub(super) fn shell(values: &Values) -> String {
    let mut text = format!(
        "#!/bin/sh\n{MADE_BY}\n# Until the next boot; for every boot: twscan tune export --to sysctl.d\nset -eu\n"
    );
    for (key, value) in values {
        text.push_str(&format!("sysctl -w '{key}={value}'\n"));
    }
    text
}
