//! Cost against sockets, as a picture.

use std::error::Error;
use std::ops::Range;
use std::path::Path;

use plotters::prelude::*;

use super::contender::FLOOR;
use super::rounds::Measured;

/// Draws a line for each contender of the picture over all sizes, both axes logarithmic.
pub(crate) fn draw(sizes: &[Measured], path: &Path) -> Result<(), Box<dyn Error>> {
    let points = |name: &str| -> Vec<(f64, f64)> {
        let size = |measured: &Measured| {
            let sockets = f64::from(u32::try_from(measured.sockets).ok().filter(|sockets| *sockets > 0)?);
            Some((sockets, measured.median_of(name)?.as_secs_f64() * 1e3))
        };
        sizes.iter().filter_map(size).collect()
    };
    let lines: Vec<_> = LINES.iter().map(|(name, color)| (*name, *color, points(name))).collect();
    let points = || lines.iter().flat_map(|(_, _, points)| points);
    let (sockets, costs) = (range(points().map(|point| point.0)), range(points().map(|point| point.1)));
    if sockets.start >= sockets.end {
        return Err("a picture wants two sizes at least, such as --sockets 10000,100000".into());
    }
    let root = SVGBackend::new(path, (930, 560)).into_drawing_area();
    root.fill(&WHITE)?;
    // Room at the right for the names, which stand at the ends of their lines.
    let mut chart = ChartBuilder::on(&root)
        .margin(12)
        .margin_right(300)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d(sockets.log_scale(), (costs.start * 0.7..costs.end * 1.4).log_scale())?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_desc("TIME_WAITs")
        .y_desc("milliseconds, median")
        .x_label_formatter(&|sockets| thousands(*sockets))
        .draw()?;
    let mut free_below = i32::MAX;
    let mut ends: Vec<_> =
        lines.iter().filter_map(|(name, color, points)| Some((*name, *color, *points.last()?))).collect();
    ends.sort_by(|one, other| one.2.1.total_cmp(&other.2.1));
    for (_, color, points) in &lines {
        chart.draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(2)))?;
        chart.draw_series(points.iter().map(|point| Circle::new(*point, 3, color.filled())))?;
    }
    for (name, color, end) in ends {
        let (x, y) = chart.backend_coord(&end);
        free_below = y.min(free_below.saturating_sub(16));
        let style = ("sans-serif", 14).into_font().color(&color);
        root.draw(&Text::new(name, (x + 10, free_below - 7), style))?;
    }
    root.present()?;
    Ok(())
}

/// From the least to the most.
fn range(values: impl Iterator<Item = f64> + Clone) -> Range<f64> {
    values.clone().fold(f64::INFINITY, f64::min)..values.fold(0.0, f64::max)
}

fn thousands(number: f64) -> String {
    match number {
        1e6.. => format!("{}M", number / 1e6),
        1e3.. => format!("{}k", number / 1e3),
        _ => number.to_string(),
    }
}

const LINES: [(&str, RGBColor); 9] = [
    (FLOOR, BLACK),
    ("twscan summary", RGBColor(0, 90, 181)),
    ("twscan summary --quick", RGBColor(90, 160, 220)),
    ("twscan list", RGBColor(0, 130, 110)),
    ("ss -s", RGBColor(150, 120, 0)),
    ("ss -tan", RGBColor(220, 110, 0)),
    ("ss -tanH | awk '{print $1, $5}' | sort | uniq -c", RGBColor(200, 60, 20)),
    ("netstat -nat | wc -l", RGBColor(170, 20, 60)),
    ("cat /proc/net/tcp", RGBColor(120, 120, 120)),
];
