use std::cmp::Ordering;
use std::net::{IpAddr, SocketAddr};

use super::{
    BudgetRow, ByDestReport, CheckReport, Destination, DiagnoseReport, ForecastReport, FullestRow, Header, PortsReport,
    SummaryReport, WaitReport,
};
use crate::judgement::Verdict;
use crate::tally::Role;

/// A document about one network namespace.
pub trait Document: serde::Serialize {
    /// Where and when.
    fn header(&self) -> &Header;

    /// The answer in a line.
    fn verdict(&self) -> &Verdict;

    /// What a row about the namespace shows of it.
    fn overview(&self) -> Overview;

    /// Orders by the verdict, then by what is left, then by TIME_WAIT and sockets: the worst first.
    fn worst_first(&self, other: &Self) -> Ordering {
        let severity = other.verdict().severity.cmp(&self.verdict().severity);
        severity.then_with(|| self.overview().fullest_first(&other.overview()))
    }
}

/// What a row about a namespace shows; `None` for what the document does not tell.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Overview {
    /// Sockets that the document is about.
    pub sockets: Option<u64>,
    /// TIME_WAITs among them.
    pub time_wait: Option<u64>,
    /// The outbound destination that has least left.
    pub fullest: Option<Fullest>,
    /// Ports in the namespace's local port range.
    pub range_size: Option<u32>,
}

impl Overview {
    fn fullest_first(&self, other: &Self) -> Ordering {
        let percent = |one: &Self| one.fullest.map_or(0.0, |row| row.percent);
        let rest = other.time_wait.cmp(&self.time_wait).then(other.sockets.cmp(&self.sockets));
        percent(other).total_cmp(&percent(self)).then(rest)
    }
}

/// The destination that has least left.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Fullest {
    /// The local address.
    pub source: Option<IpAddr>,
    /// The remote address.
    pub destination: Option<IpAddr>,
    /// The remote port.
    pub port: u16,
    /// Ports in use, reusable ones included.
    pub used: u64,
    /// Ports held and not reusable, of those that connections there may use, 0 to 100.
    pub percent: f64,
}

impl Fullest {
    /// `addr:port` of the remote side.
    #[must_use]
    pub fn name(&self) -> String {
        self.destination.map_or(format!("*:{}", self.port), |address| SocketAddr::new(address, self.port).to_string())
    }
}

impl From<&Destination> for Fullest {
    fn from(row: &Destination) -> Self {
        Self {
            source: row.source,
            destination: row.destination,
            port: row.port,
            used: row.ports_used.unwrap_or(0),
            percent: row.percent.unwrap_or(0.0),
        }
    }
}

impl From<&FullestRow> for Fullest {
    fn from(row: &FullestRow) -> Self {
        Self {
            source: Some(row.source),
            destination: Some(row.destination),
            port: row.port,
            used: row.used.into(),
            percent: row.percent,
        }
    }
}

impl From<&BudgetRow> for Fullest {
    fn from(row: &BudgetRow) -> Self {
        Self {
            source: Some(row.source),
            destination: Some(row.destination),
            port: row.port,
            used: row.used.into(),
            percent: row.percent.unwrap_or(0.0),
        }
    }
}

macro_rules! documents {
    ($($report:ty: |$document:ident| $overview:expr;)*) => {
        $(impl Document for $report {
            fn header(&self) -> &Header {
                &self.header
            }

            fn verdict(&self) -> &Verdict {
                &self.verdict
            }

            fn overview(&self) -> Overview {
                let $document = self;
                $overview
            }
        })*
    };
}

documents! {
    SummaryReport: |report| Overview {
        sockets: report.states.as_ref().map(|states| states.iter().filter_map(|(_, row)| row).map(|row| row.total).sum()),
        time_wait: report.time_wait.total.or(report.time_wait.sockstat_tw),
        fullest: report.destinations.first().map(Fullest::from),
        range_size: report.range_size,
    };
    ByDestReport: |report| Overview {
        sockets: Some(report.matched),
        time_wait: report.destinations.iter().map(|row| row.time_wait).sum(),
        fullest: {
            let outbound = report.destinations.iter().filter(|row| row.role == Role::Outbound);
            outbound.min_by(|one, other| one.fullest_first(other)).map(Fullest::from)
        },
        range_size: report.destinations.iter().find_map(|row| row.range_size),
    };
    PortsReport: |report| Overview {
        sockets: Some(report.budgets.iter().map(|row| u64::from(row.used)).sum()),
        time_wait: report.budgets.iter().map(|row| row.time_wait.map(u64::from)).sum(),
        fullest: report.budgets.first().map(Fullest::from),
        range_size: Some(report.range.size),
    };
    DiagnoseReport: |report| Overview {
        sockets: Some(report.vitals.sockets),
        time_wait: report.vitals.time_wait.total,
        fullest: report.vitals.fullest.as_ref().map(Fullest::from),
        range_size: report.vitals.settings.range_size,
    };
    ForecastReport: |_report| Overview::default();
    CheckReport: |_report| Overview::default();
    WaitReport: |_report| Overview::default();
}
