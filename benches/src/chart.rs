//! The ratios as a picture: one group of bars for each algorithm, one colour for each contestant, written by hand.
//!
//! It carries its own colours for light and dark pages. The raw cryptography is the line at 1.0, and the targets are the
//! short strokes over jwksmith's bars.

use std::fmt::Write as _;

use crate::contestants::JWKSMITH;
use crate::report::{Line, Report, compared};

const WIDTH: f64 = 960.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
const PANEL_HEIGHT: f64 = 220.0;
/// From one panel's top to the next one's: the plot, the names below it, the title of the next.
const PANEL_STEP: f64 = 300.0;
const FIRST_PANEL_TOP: f64 = 96.0;
/// How much of a group's width its bars take.
const FILLED: f64 = 0.8;

/// One for each contestant, in the order of the entries: told apart by hue and by lightness.
const COLOURS: [&str; 5] = ["#2563eb", "#f59e0b", "#10b981", "#c084fc", "#94a3b8"];

const STYLE: &str = "\
text{font-family:system-ui,sans-serif;font-size:13px;fill:#1f2937}\
.title{font-size:15px;font-weight:600}\
.small{font-size:11px}\
.grid{stroke:#d1d5db;stroke-width:1}\
.raw{stroke:#1f2937;stroke-width:1.5;stroke-dasharray:5 4}\
.target{stroke:#dc2626;stroke-width:2.5}\
@media(prefers-color-scheme:dark){text{fill:#e5e7eb}.grid{stroke:#374151}.raw{stroke:#e5e7eb}.target{stroke:#f87171}}";

/// The whole picture.
pub(crate) fn svg(report: &Report) -> String {
    let panels: Vec<_> = [("Verifying", &report.verify), ("Signing", &report.sign)]
        .into_iter()
        .filter(|(_, lines)| !lines.is_empty())
        .collect();
    let mut body = legend();
    let mut top = FIRST_PANEL_TOP;
    for (verb, lines) in panels {
        let title = format!("{verb} an access token: ratio to the raw cryptography, 1.0 is free");
        Panel { top, top_value: top_value(lines) }.draw(&mut body, &title, lines);
        top += PANEL_STEP;
    }
    let height = top - 10.0 - (PANEL_STEP - PANEL_HEIGHT) / 2.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         role=\"img\" aria-label=\"Ratios to the raw cryptography, by algorithm and library\">\n\
         <style>{STYLE}</style>\n{body}</svg>\n"
    )
}

/// The greatest value of the axis, in fifths: a peer on another crypto library may be faster than the raw AWS-LC.
fn top_value(lines: &[Line]) -> f64 {
    let ratios = lines.iter().flat_map(|line| &line.figures).map(|figure| figure.ratio.median);
    (ratios.fold(1.0, f64::max) * 5.0).ceil() / 5.0
}

fn legend() -> String {
    let mut text = String::new();
    let mut x = LEFT;
    for (name, colour) in compared().zip(COLOURS) {
        put(
            &mut text,
            &format!("<rect x=\"{x:.0}\" y=\"20\" width=\"14\" height=\"14\" rx=\"2\" fill=\"{colour}\"/>"),
        );
        put(&mut text, &format!("<text x=\"{:.0}\" y=\"32\">{name}</text>", x + 20.0));
        x += 136.0;
    }
    put(
        &mut text,
        &format!("<line class=\"raw\" x1=\"{x:.0}\" x2=\"{:.0}\" y1=\"22\" y2=\"22\"/>", x + 24.0),
    );
    put(&mut text, &format!("<text class=\"small\" x=\"{:.0}\" y=\"26\">raw aws-lc-rs</text>", x + 32.0));
    put(
        &mut text,
        &format!("<line class=\"target\" x1=\"{x:.0}\" x2=\"{:.0}\" y1=\"38\" y2=\"38\"/>", x + 24.0),
    );
    put(&mut text, &format!("<text class=\"small\" x=\"{:.0}\" y=\"42\">jwksmith's target</text>", x + 32.0));
    text
}

struct Panel {
    top: f64,
    top_value: f64,
}

impl Panel {
    fn draw(&self, text: &mut String, title: &str, lines: &[Line]) {
        put(text, &format!("<text class=\"title\" x=\"{LEFT}\" y=\"{:.0}\">{title}</text>", self.top - 22.0));
        self.axis(text);
        let step = (WIDTH - LEFT - RIGHT) / count(lines.len());
        for (at, line) in (0_u32..).zip(lines) {
            self.group(text, LEFT + step * f64::from(at), step, line);
        }
        // Over the bars, so that it is seen where they reach it.
        let y = self.y(1.0);
        put(
            text,
            &format!(
                "<line class=\"raw\" x1=\"{LEFT}\" x2=\"{:.0}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>",
                WIDTH - RIGHT
            ),
        );
    }

    fn axis(&self, text: &mut String) {
        for fifth in 0_u32.. {
            let value = f64::from(fifth) / 5.0;
            if value > self.top_value + 1e-9 {
                break;
            }
            let y = self.y(value);
            put(
                text,
                &format!(
                    "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.0}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>",
                    WIDTH - RIGHT
                ),
            );
            put(
                text,
                &format!(
                    "<text class=\"small\" x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{value:.1}</text>",
                    LEFT - 8.0,
                    y + 4.0
                ),
            );
        }
        let middle = self.top + PANEL_HEIGHT / 2.0;
        put(
            text,
            &format!(
                "<text class=\"small\" x=\"20\" y=\"{middle:.0}\" text-anchor=\"middle\" transform=\"rotate(-90 20 {middle:.0})\">raw time / time</text>"
            ),
        );
    }

    fn group(&self, text: &mut String, left: f64, step: f64, line: &Line) {
        let width = step * FILLED / count(COLOURS.len());
        let mut x = left + step * (1.0 - FILLED) / 2.0;
        for (name, colour) in compared().zip(COLOURS) {
            self.bar(text, x, width, line, name, colour);
            x += width;
        }
        let middle = left + step / 2.0;
        let below = self.top + PANEL_HEIGHT + 18.0;
        put(
            text,
            &format!(
                "<text x=\"{middle:.1}\" y=\"{below:.0}\" text-anchor=\"middle\">{}</text>",
                line.algorithm
            ),
        );
    }

    fn bar(&self, text: &mut String, x: f64, width: f64, line: &Line, name: &str, colour: &str) {
        let bottom = self.y(0.0);
        let Some(figure) = line.figure(name) else {
            // A gap would read as a zero.
            let middle = x + width / 2.0;
            put(
                text,
                &format!(
                    "<text class=\"small\" x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">–</text>",
                    bottom - 3.0
                ),
            );
            return;
        };
        let (y, bar) = (self.y(figure.ratio.median), width - 1.0);
        put(
            text,
            &format!(
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{bar:.1}\" height=\"{:.1}\" fill=\"{colour}\"><title>{name}, {}: {:.3}</title></rect>",
                bottom - y,
                line.algorithm,
                figure.ratio.median
            ),
        );
        if let Some(target) = line.target.filter(|_| name == JWKSMITH) {
            let y = self.y(target);
            put(
                text,
                &format!(
                    "<line class=\"target\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>",
                    x - 3.0,
                    x + width + 2.0
                ),
            );
        }
    }

    fn y(&self, value: f64) -> f64 {
        self.top + PANEL_HEIGHT * (1.0 - value / self.top_value)
    }
}

fn count(items: usize) -> f64 {
    f64::from(u32::try_from(items).unwrap_or(u32::MAX))
}

fn put(text: &mut String, element: &str) {
    writeln!(text, "{element}").expect("a string takes whatever is written to it");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contestants::ENTRIES;

    #[test]
    fn everybody_has_a_colour() {
        // The raw cryptography is a line.
        assert_eq!(COLOURS.len(), ENTRIES.len() - 1);
    }

    #[test]
    fn axis_ends_at_the_next_fifth_above_the_greatest_ratio() {
        assert!((top_value(&[]) - 1.0).abs() < 1e-9);
    }
}
