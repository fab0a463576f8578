use super::text::{ExportFile, MADE_BY, Options, SYSCTL_D, Values, indented};
use super::{host, nginx};

/// A `files` section for every boot and numbered commands for the deployment: commands run when a version is deployed and
/// not when the host starts again, and nothing loads the file when a version is deployed. Both may run any number of times.
pub(super) fn ebextensions(values: &Values, options: &Options) -> Vec<ExportFile> {
    let mut text = format!(
        "{MADE_BY}\nfiles:\n  \"{SYSCTL_D}\":\n    mode: \"000644\"\n    owner: root\n    group: root\n    content: |\n{}\
         commands:\n  01_twscan_no_backup:\n    # Beanstalk leaves the file before this one beside it.\n    \
         command: rm -f {SYSCTL_D}.bak\n",
        indented(&host::sysctl_d(values), 6)
    );
    for (index, (key, value)) in values.iter().enumerate() {
        let (number, name) = (index + 2, key.short_name());
        text.push_str(&format!("  {number:02}_twscan_{name}:\n    command: sysctl -w '{key}={value}'\n"));
    }
    let mut files = vec![ExportFile { path: ".ebextensions/00-twscan-tune.config".to_owned(), text }];
    if let Some(port) = options.nginx_to {
        for directory in [PRESENT, FORMER] {
            let file = |name: &str, text| ExportFile { path: format!("{directory}/{name}"), text };
            files.push(file("twscan-upstream.conf", nginx::upstream(port)));
            files.push(file("elasticbeanstalk/00_application.conf", nginx::location()));
        }
    }
    files
}

/// Amazon Linux 2 and 2023.
const PRESENT: &str = ".platform/nginx/conf.d";
/// The Amazon Linux AMI before them.
const FORMER: &str = ".ebextensions/nginx/conf.d";
