/** Horizontal bars, one per stage, of one currency: the value behind, its weighted part in front. Its table twin has the exact figures. */
import { AxisBottom } from "@visx/axis";
import { GridColumns } from "@visx/grid";
import { ParentSize } from "@visx/responsive";
import { scaleBand, scaleLinear } from "@visx/scale";
import { Bar } from "@visx/shape";
import { useTranslation } from "react-i18next";
import { decimalOf, type Money, moneyDigits, moneyText } from "@/lib/format";

export interface StageBar {
  id: string;
  name: string;
  amount: Money | undefined;
  weighted: Money | undefined;
}

interface StageChartProps {
  currency: string;
  bars: StageBar[];
}

const ROW = 34;
const AXIS = 22;

export function StageChart({ currency, bars }: StageChartProps) {
  const { t } = useTranslation();
  const parts = bars.flatMap(({ name, amount }) =>
    amount ? [t("overview.chartPart", { stage: name, amount: moneyText(amount, "compact") })] : [],
  );
  const height = bars.length * ROW + AXIS;
  return (
    <figure data-testid={`stage-chart-${currency}`}>
      <figcaption className="mb-1 font-medium text-ink-2 text-xs">{currency}</figcaption>
      <div className="relative w-full" style={{ height }}>
        <ParentSize debounceTime={50}>
          {({ width }) =>
            width > 0 && (
              <Drawing
                width={width}
                height={height}
                bars={bars}
                label={t("overview.chartLabel", { currency, parts: parts.join(", ") })}
              />
            )
          }
        </ParentSize>
      </div>
    </figure>
  );
}

/** Bars need a length, not an exact amount: the one place where an amount becomes a float. */
const length = (money: Money | undefined) => (money ? Number(decimalOf(money)) : 0);

function Drawing({
  width,
  height,
  bars,
  label,
}: {
  width: number;
  height: number;
  bars: StageBar[];
  label: string;
}) {
  const names = Math.min(150, Math.max(84, width * 0.24));
  const figures = 64;
  const exponent = bars.find((bar) => bar.amount)?.amount?.exponent ?? 0;
  const currency = bars.find((bar) => bar.amount)?.amount?.currency ?? "";
  const y = scaleBand({ domain: bars.map((bar) => bar.id), range: [0, height - AXIS], padding: 0.34 });
  const x = scaleLinear({
    domain: [0, Math.max(...bars.map((bar) => length(bar.amount)), 1)],
    range: [names, Math.max(width - figures, names + 40)],
    nice: 4,
  });
  const tick = (value: { valueOf(): number }) =>
    moneyDigits({ currency, exponent: 0, minor: Math.round(Number(value)) }, "compact");
  const thick = y.bandwidth();
  const tickText = {
    className: "fill-ink-3 text-2xs num",
    fontFamily: "inherit",
    textAnchor: "middle",
  } as const;
  return (
    <svg role="img" aria-label={label} width={width} height={height} data-exponent={exponent}>
      <GridColumns scale={x} height={height - AXIS} numTicks={4} className="[&_line]:stroke-line" stroke="" />
      {bars.map((bar) => (
        <g key={bar.id} transform={`translate(0 ${y(bar.id) ?? 0})`}>
          <title>{bar.amount ? `${bar.name}: ${moneyText(bar.amount)}` : bar.name}</title>
          <text x={0} y={thick / 2} dy="0.35em" className="fill-ink text-xs">
            {shorten(bar.name, names)}
          </text>
          <Bar
            x={names}
            width={Math.max(x(length(bar.amount)) - names, 0)}
            height={thick}
            rx={2}
            className="fill-data-1-soft"
          />
          <Bar
            x={names}
            y={thick * 0.28}
            width={Math.max(x(length(bar.weighted)) - names, 0)}
            height={thick * 0.44}
            rx={1}
            className="fill-data-1"
          />
          <text x={x(length(bar.amount)) + 6} y={thick / 2} dy="0.35em" className="num fill-ink-2 text-xs">
            {bar.amount ? moneyDigits(bar.amount, "compact") : "–"}
          </text>
        </g>
      ))}
      <AxisBottom
        top={height - AXIS}
        scale={x}
        numTicks={4}
        hideTicks
        hideAxisLine
        tickFormat={tick}
        tickLabelProps={tickText}
      />
    </svg>
  );
}

/** About seven pixels a letter; the full name is in the tooltip and the table. */
function shorten(name: string, pixels: number): string {
  const fits = Math.floor(pixels / 7);
  return name.length > fits ? `${name.slice(0, fits - 1)}…` : name;
}
