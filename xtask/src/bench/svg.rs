//! Small plots: points with bars from the least to the most, axes, labels; readable on light and dark.

use std::fmt::Write;

use super::figures::{Spread, short};

/// One line of points.
#[derive(Clone, Debug)]
pub(crate) struct Plot {
    pub(crate) title: String,
    pub(crate) x: &'static str,
    pub(crate) y: &'static str,
    pub(crate) scale: Scale,
    /// Ascending in x.
    pub(crate) points: Vec<(f64, Spread)>,
}

/// How x is laid out; y always begins at 0.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scale {
    Linear,
    Logarithmic,
}

impl Plot {
    /// The whole file.
    pub(crate) fn svg(&self) -> String {
        let (step, top) = ticks(self.points.iter().map(|(_, y)| y.max).fold(0.0, f64::max));
        let across = |x: f64| LEFT + self.part(x) * (RIGHT - LEFT);
        let up = |y: f64| BOTTOM - y / top * (BOTTOM - TOP);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
             aria-label=\"{title}\">\n<style>{STYLE}</style>\n<title>{title}</title>\n\
             <text class=\"title\" x=\"{LEFT}\" y=\"22\">{title}</text>\n",
            title = escaped(&self.title)
        );
        let mut tick = 0.0;
        while tick <= top + step / 2.0 {
            let y = up(tick);
            let _ = writeln!(
                out,
                "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{RIGHT}\" y2=\"{y:.1}\"/>\
                 <text class=\"y\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                LEFT - 8.0,
                y + 4.0,
                short(tick)
            );
            tick += step;
        }
        let line: Vec<String> =
            self.points.iter().map(|(x, y)| format!("{:.1},{:.1}", across(*x), up(y.median))).collect();
        let _ = writeln!(out, "<polyline class=\"line\" points=\"{}\"/>", line.join(" "));
        for (x, y) in &self.points {
            let (at, low, high) = (across(*x), up(y.min), up(y.max));
            let _ = writeln!(
                out,
                "<path class=\"bar\" d=\"M{at:.1} {low:.1}V{high:.1}M{l:.1} {low:.1}H{r:.1}M{l:.1} {high:.1}H{r:.1}\"/>\
                 <circle class=\"point\" cx=\"{at:.1}\" cy=\"{:.1}\" r=\"4\"><title>{}: {}</title></circle>\
                 <text class=\"x\" x=\"{at:.1}\" y=\"{:.1}\">{}</text>",
                up(y.median),
                short(*x),
                y.text(),
                BOTTOM + 18.0,
                short(*x),
                l = at - 4.0,
                r = at + 4.0,
            );
        }
        let middle = f64::midpoint(LEFT, RIGHT);
        let _ = write!(
            out,
            "<line class=\"axis\" x1=\"{LEFT}\" y1=\"{BOTTOM}\" x2=\"{RIGHT}\" y2=\"{BOTTOM}\"/>\n\
             <text class=\"x\" x=\"{middle}\" y=\"{:.1}\">{}</text>\n\
             <text class=\"x\" transform=\"translate(16 {:.1}) rotate(-90)\">{}</text>\n</svg>\n",
            BOTTOM + 40.0,
            escaped(self.x),
            f64::midpoint(TOP, BOTTOM),
            escaped(self.y),
        );
        out
    }

    /// Where `x` lies between the first point and the last: 0 to 1.
    fn part(&self, x: f64) -> f64 {
        let scaled = |x: f64| match self.scale {
            Scale::Linear => x,
            Scale::Logarithmic => x.ln(),
        };
        let (Some((first, _)), Some((last, _))) = (self.points.first(), self.points.last()) else {
            return 0.0;
        };
        let (first, last) = (scaled(*first), scaled(*last));
        // a margin on both sides, so that no point lies on an axis
        if last > first { 0.05 + (scaled(x) - first) / (last - first) * 0.9 } else { 0.5 }
    }
}

/// The distance of the marks on an axis that shows 0 to `most`, 1, 2 or 5 times a power of ten, and its end.
fn ticks(most: f64) -> (f64, f64) {
    if !(most.is_finite() && most > 0.0) {
        return (1.0, 1.0);
    }
    let power = 10f64.powf((most / 5.0).log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|times| times * power).into_iter().find(|step| most / step <= 5.0);
    let step = step.expect("ten times the power is more than a fifth");
    (step, (most / step).ceil() * step)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 540.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 260.0;

/// Middle tones that stand out on white and on black; where the viewer tells which, better ones.
const STYLE: &str = "\
text{font-family:system-ui,sans-serif;font-size:12px;fill:#57606a}.title{font-size:14px;font-weight:600}.x{text-anchor:middle}\
.y{text-anchor:end}.grid{stroke:#8b949e;stroke-opacity:.3}.axis{stroke:#8b949e}\
.line{fill:none;stroke:#1f6feb;stroke-width:2}.bar{fill:none;stroke:#1f6feb;stroke-opacity:.7}.point{fill:#1f6feb}\
@media(prefers-color-scheme:dark){text{fill:#c9d1d9}.line,.bar{stroke:#58a6ff}.point{fill:#58a6ff}}";

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(scale: Scale) -> Plot {
        let points = [1.0, 10.0, 100.0].map(|x| (x, Spread { median: 30.0, min: 20.0, max: 48.0 })).to_vec();
        Plot { title: "CPU < \"all\"".to_owned(), x: "events", y: "µs", scale, points }
    }

    #[test]
    fn the_marks_are_round_and_cover_everything() {
        for (most, expect) in
            [(48.0, (10.0, 50.0)), (5.0, (1.0, 5.0)), (0.7, (0.2, 0.8)), (83_000.0, (20_000.0, 100_000.0))]
        {
            let (step, top) = ticks(most);
            assert!((step - expect.0).abs() < 1e-9 && (top - expect.1).abs() < 1e-9, "{most}: {step} {top}");
        }
        assert_eq!(ticks(0.0), (1.0, 1.0));
        assert_eq!(ticks(f64::NAN), (1.0, 1.0));
    }

    #[test]
    fn points_stand_where_their_scale_says() {
        let middle = |scale| plot(scale).part(10.0);

        assert!((middle(Scale::Logarithmic) - 0.5).abs() < 1e-9);
        assert!((middle(Scale::Linear) - (0.05 + 9.0 / 99.0 * 0.9)).abs() < 1e-9);
    }

    #[test]
    fn a_plot_has_its_points_its_bars_and_its_words_escaped() {
        let svg = plot(Scale::Logarithmic).svg();

        assert_eq!(svg.matches("<circle").count(), 3, "{svg}");
        // 30 of 0 to 50 on 260 to 44
        assert!(svg.contains("cx=\"310.0\" cy=\"130.4\""), "{svg}");
        assert!(svg.contains("M310.0 173.6V52.6"), "{svg}");
        assert!(svg.contains("<title>CPU &lt; &quot;all&quot;</title>"), "{svg}");
        assert!(svg.contains(">µs</text>") && svg.contains(">events</text>") && svg.contains(">100</text>"));
        assert!(svg.contains("prefers-color-scheme:dark"));
        let tags =
            |tag: &str| svg.matches(&format!("<{tag}")).count() == svg.matches(&format!("</{tag}>")).count();
        assert!(["svg", "text", "title", "style", "circle"].into_iter().all(tags), "{svg}");
    }
}
