/** The table twin of the stage chart: the same figures, exact. */
import { useTranslation } from "react-i18next";
import { Money } from "@/components/ui/money";
import { ScrollRegion } from "@/components/ui/scroll-region";
import { RowHead, Table, Td, Th } from "@/components/ui/table";
import type { Overview } from "@/features/overview/api/get-overview";
import { amountIn, currenciesOf } from "@/features/overview/components/stage-series";
import { type Money as Amount, integer, NO_VALUE } from "@/lib/format";

type Stages = Overview["pipeline_by_stage"];

export function StageTable({ stages }: { stages: Stages }) {
  const { t } = useTranslation();
  const currencies = currenciesOf(stages);
  return (
    <ScrollRegion label={t("overview.stages")}>
      <Table
        caption={t("overview.stages")}
        head={
          <>
            <Th>{t("overview.stage")}</Th>
            <Th figure>{t("overview.deals")}</Th>
            {currencies.flatMap((currency) => [
              <Th key={`${currency}-value`} figure>
                {t("overview.valueIn", { currency })}
              </Th>,
              <Th key={`${currency}-weighted`} figure>
                {t("overview.weightedIn", { currency })}
              </Th>,
            ])}
            <Th figure>{t("overview.withoutValue")}</Th>
          </>
        }
      >
        {stages.map((stage) => (
          <tr key={stage.stage_id} data-stage={stage.stage_id}>
            <RowHead>{stage.name}</RowHead>
            <Td figure>{integer(stage.count)}</Td>
            {currencies.flatMap((currency) => [
              <AmountCell key={`${currency}-value`} amount={amountIn(stage.amounts, currency)} />,
              <AmountCell key={`${currency}-weighted`} amount={amountIn(stage.weighted, currency)} />,
            ])}
            <Td figure>{stage.unvalued > 0 ? integer(stage.unvalued) : NO_VALUE}</Td>
          </tr>
        ))}
      </Table>
    </ScrollRegion>
  );
}

function AmountCell({ amount }: { amount: Amount | undefined }) {
  return <Td figure>{amount ? <Money amount={amount} /> : NO_VALUE}</Td>;
}
