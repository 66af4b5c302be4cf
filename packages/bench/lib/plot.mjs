// A plot as SVG, without a library: logarithmic axes, one line for signing and one for verifying.
const WIDTH = 360;
const HEIGHT = 220;
const LEFT = 52;
const RIGHT = 14;
const TOP = 30;
const BOTTOM = 38;
const STYLE = `text{font:11px sans-serif;fill:#444}.title{font-weight:bold;font-size:12px}line{stroke:#bbb}
.sign{stroke:#2266aa;fill:none;stroke-width:2}.verify{stroke:#c05020;fill:none;stroke-width:2}
text.sign{fill:#2266aa;stroke:none}text.verify{fill:#c05020;stroke:none}
@media(prefers-color-scheme:dark){text{fill:#ccc}line{stroke:#555}.sign{stroke:#66aaee}.verify{stroke:#ee8855}text.sign{fill:#66aaee}text.verify{fill:#ee8855}}`;

/**
 * @param title - what changes
 * @param rows - `{ step, sign, verify }`, nanoseconds
 */
export function plot(title, rows) {
  const log = (value) => Math.log10(Math.max(value, 1));
  const steps = rows.map(({ step }) => log(step));
  const [x0, x1] = [Math.min(...steps), Math.max(...steps)];
  const times = rows.flatMap(({ sign, verify }) => [log(sign / 1000), log(verify / 1000)]);
  const [y0, y1] = [Math.floor(Math.min(...times)), Math.ceil(Math.max(...times))];
  const x = (step) => round(LEFT + ((log(step) - x0) / (x1 - x0 || 1)) * (WIDTH - LEFT - RIGHT));
  const y = (µs) =>
    round(HEIGHT - BOTTOM - ((log(µs) - y0) / (y1 - y0 || 1)) * (HEIGHT - TOP - BOTTOM));
  const line = (name) =>
    `<polyline class="${name}" points="${rows.map((row) => `${x(row.step)},${y(row[name] / 1000)}`).join(' ')}"/>`;
  const decades = Array.from({ length: y1 - y0 + 1 }, (_, i) => 10 ** (y0 + i));
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="microseconds by ${title}"><style>${STYLE}</style>
<text class="title" x="${LEFT}" y="16">µs by ${title}</text>
<text class="sign" x="${WIDTH - 90}" y="16">sign</text><text class="verify" x="${WIDTH - 54}" y="16">verify</text>
${decades.map((µs) => `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(µs)}" y2="${y(µs)}"/><text x="${LEFT - 6}" y="${y(µs) + 4}" text-anchor="end">${µs}</text>`).join('\n')}
${rows.map(({ step }, i) => `<text x="${x(step)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="${i === rows.length - 1 ? 'end' : 'middle'}">${step.toLocaleString('en')}</text>`).join('\n')}
${line('sign')}
${line('verify')}
</svg>
`;
}

const round = (value) => Math.round(value * 10) / 10;
