/** Amounts of money. One line per currency, in the order the server gives: nothing is added up across currencies. */
import { cn } from "@/lib/cn";
import { type Money as Amount, type MoneyStyle, moneyDigits, moneyText } from "@/lib/format";

interface MoneyProps {
  amount: Amount;
  style?: MoneyStyle;
  className?: string;
}

/** The exact minor units ride along as data, so that a test reads what the server said and not what was rounded. */
export function Money({ amount, style = "exact", className }: MoneyProps) {
  return (
    <span
      className={cn("num whitespace-nowrap", className)}
      title={style === "exact" ? undefined : moneyText(amount)}
      data-currency={amount.currency}
      data-minor={amount.minor}
      data-exponent={amount.exponent}
    >
      <span className="me-1 font-medium text-[0.72em] text-ink-3 tracking-wide">{amount.currency}</span>
      {moneyDigits(amount, style)}
    </span>
  );
}

interface MoneyListProps {
  amounts: Amount[];
  empty: string;
}

/** The headline of a figure: large for one currency, smaller lines for several. */
export function MoneyList({ amounts, empty }: MoneyListProps) {
  if (amounts.length === 0) return <p className="text-ink-3 text-lg leading-8">{empty}</p>;
  const size = amounts.length === 1 ? "text-[1.625rem] leading-8" : "text-lg leading-6";
  return (
    <ul className={cn("font-semibold tracking-tight", size)}>
      {amounts.map((amount) => (
        <li key={amount.currency}>
          <Money amount={amount} style="whole" />
        </li>
      ))}
    </ul>
  );
}
