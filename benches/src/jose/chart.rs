//! The ratios as a picture: one group of bars for each algorithm, one colour for each contestant, written by hand.
//!
//! It carries its own colours for light and dark pages. The raw cryptography is the dashed line at 1.0, and the targets are
//! the short strokes over jwksmith's bars.

use std::fmt::Write as _;

use crate::contestants::JWKSMITH;
use crate::report::{Figure, Line, Report, compared};

const WIDTH: f64 = 960.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = WIDTH - 16.0;
const FIRST_PANEL_TOP: f64 = 104.0;
const PANEL_HEIGHT: f64 = 220.0;
/// From one panel's top to the next one's: the plot, the names below it, the title of the next.
const PANEL_STEP: f64 = 304.0;
/// What is left below the last panel: the names of its groups.
const BOTTOM: f64 = 36.0;
/// How much of a group's width its bars take.
const FILLED: f64 = 0.84;
/// Where the axis ends, in fifths: a peer on other cryptography may beat AWS-LC, and must not flatten everybody else.
const TOP_FIFTHS: u32 = 6;

/// One for each contestant, in the order of the entries: told apart by hue and by lightness.
const COLOURS: [&str; 5] = ["#2563eb", "#f59e0b", "#10b981", "#c084fc", "#94a3b8"];

const STYLE: &str = "\
text{font-family:system-ui,sans-serif;font-size:13px;fill:#1f2937}\
.title{font-size:15px;font-weight:600}\
.small{font-size:11px}\
.tiny{font-size:9px}\
.grid{stroke:#d1d5db;stroke-width:1}\
.raw{stroke:#1f2937;stroke-width:1.5;stroke-dasharray:5 4}\
.target{stroke:#dc2626;stroke-width:2.5}\
@media(prefers-color-scheme:dark){text{fill:#e5e7eb}.grid{stroke:#374151}.raw{stroke:#e5e7eb}.target{stroke:#f87171}}";

/// The whole picture.
pub(crate) fn svg(report: &Report) -> String {
    let panels = [("Verifying", &report.verify), ("Signing", &report.sign)];
    let (mut canvas, mut top) = (Canvas::default(), FIRST_PANEL_TOP);
    canvas.legend();
    for (verb, lines) in panels.into_iter().filter(|(_, lines)| !lines.is_empty()) {
        let title =
            format!("{verb} an access token: raw cryptography's time over the library's time, 1.0 is free");
        Panel { top }.draw(&mut canvas, &title, lines);
        top += PANEL_STEP;
    }
    canvas.finish(top - PANEL_STEP + PANEL_HEIGHT + BOTTOM)
}

/// The elements so far.
#[derive(Default)]
struct Canvas(String);

/// On which side of its place a text stands.
#[derive(Clone, Copy)]
enum Anchor {
    Start,
    Middle,
    End,
}

impl Canvas {
    fn text(&mut self, class: &str, anchor: Anchor, (x, y): (f64, f64), text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        self.put(format_args!(
            "<text class=\"{class}\" text-anchor=\"{anchor}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>"
        ));
    }

    /// A line from left to right.
    fn line(&mut self, class: &str, (from, to): (f64, f64), y: f64) {
        self.put(format_args!(
            "<line class=\"{class}\" x1=\"{from:.1}\" x2=\"{to:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
        ));
    }

    /// A rectangle that tells what it is when it is pointed at.
    fn bar(&mut self, colour: &str, (x, y): (f64, f64), (width, height): (f64, f64), told: &str) {
        self.put(format_args!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{colour}\">\
             <title>{told}</title></rect>"
        ));
    }

    fn legend(&mut self) {
        let mut x = LEFT;
        for (name, colour) in compared().zip(COLOURS) {
            self.bar(colour, (x, 20.0), (14.0, 14.0), name);
            self.text("", Anchor::Start, (x + 20.0, 32.0), name);
            x += 136.0;
        }
        for (class, told, y) in [("raw", "raw aws-lc-rs", 22.0), ("target", "jwksmith's target", 40.0)] {
            self.line(class, (x, x + 24.0), y);
            self.text("small", Anchor::Start, (x + 32.0, y + 4.0), told);
        }
    }

    fn put(&mut self, element: std::fmt::Arguments<'_>) {
        writeln!(self.0, "{element}").expect("a string takes whatever is written to it");
    }

    fn finish(self, height: f64) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
             height=\"{height}\" role=\"img\" aria-label=\"Ratios to the raw cryptography, by algorithm and library\">\n\
             <style>{STYLE}</style>\n{}</svg>\n",
            self.0
        )
    }
}

/// One plot, from its top downwards.
struct Panel {
    top: f64,
}

impl Panel {
    fn draw(&self, canvas: &mut Canvas, title: &str, lines: &[Line]) {
        canvas.text("title", Anchor::Start, (LEFT, self.top - 24.0), title);
        self.axis(canvas);
        let step = (RIGHT - LEFT) / count(lines.len());
        for (at, line) in (0_u32..).zip(lines) {
            self.group(canvas, LEFT + step * f64::from(at), step, line);
        }
        // Over the bars, so that it is seen where they reach it.
        canvas.line("raw", (LEFT, RIGHT), self.y(1.0));
    }

    fn axis(&self, canvas: &mut Canvas) {
        for value in (0..=TOP_FIFTHS).map(|fifths| f64::from(fifths) / 5.0) {
            let y = self.y(value);
            canvas.line("grid", (LEFT, RIGHT), y);
            canvas.text("small", Anchor::End, (LEFT - 8.0, y + 4.0), &format!("{value:.1}"));
        }
        let middle = self.top + PANEL_HEIGHT / 2.0;
        canvas.put(format_args!(
            "<text class=\"small\" text-anchor=\"middle\" transform=\"translate(24 {middle:.1}) rotate(-90)\">\
             ratio to raw</text>"
        ));
    }

    fn group(&self, canvas: &mut Canvas, left: f64, step: f64, line: &Line) {
        let width = step * FILLED / count(COLOURS.len());
        let mut x = left + step * (1.0 - FILLED) / 2.0;
        for (name, colour) in compared().zip(COLOURS) {
            match line.figure(name) {
                Some(figure) => self.bar(canvas, colour, (x, width), line, figure),
                // An empty place would read as a zero.
                None => {
                    canvas.text("small", Anchor::Middle, (x + width / 2.0, self.y(0.0) - 4.0), "–");
                }
            }
            x += width;
        }
        let below = self.top + PANEL_HEIGHT + 20.0;
        canvas.text("", Anchor::Middle, (left + step / 2.0, below), line.algorithm);
    }

    fn bar(&self, canvas: &mut Canvas, colour: &str, (x, width): (f64, f64), line: &Line, figure: &Figure) {
        let ratio = figure.ratio.median;
        let drawn = ratio.min(top_value());
        let told = format!("{}, {}: {ratio:.3}", figure.contestant, line.algorithm);
        let size = (width - 1.0, self.y(0.0) - self.y(drawn));
        canvas.bar(colour, (x, self.y(drawn)), size, &told);
        if ratio > drawn {
            let above = (x + width / 2.0, self.y(drawn) - 4.0);
            canvas.text("tiny", Anchor::Middle, above, &format!("{ratio:.1}"));
        }
        if let Some(target) = line.target.filter(|_| figure.contestant == JWKSMITH) {
            canvas.line("target", (x - 3.0, x + width + 2.0), self.y(target));
        }
    }

    fn y(&self, value: f64) -> f64 {
        self.top + PANEL_HEIGHT * (1.0 - value / top_value())
    }
}

fn top_value() -> f64 {
    f64::from(TOP_FIFTHS) / 5.0
}

fn count(items: usize) -> f64 {
    f64::from(u32::try_from(items).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_a_colour() {
        assert_eq!(COLOURS.len(), compared().count());
    }

    #[test]
    fn ratio_is_drawn_between_the_ends_of_the_axis() {
        let panel = Panel { top: 100.0 };
        assert!((panel.y(0.0) - (100.0 + PANEL_HEIGHT)).abs() < 1e-9);
        assert!((panel.y(top_value()) - 100.0).abs() < 1e-9);
    }
}
