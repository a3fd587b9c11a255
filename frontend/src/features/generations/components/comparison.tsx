/** What a comparison has shown: documents per collection, money per currency, and some of the documents that differ. */
import { useTranslation } from "react-i18next";
import { Money } from "@/components/ui/money";
import { Panel } from "@/components/ui/panel";
import { ScrollRegion } from "@/components/ui/scroll-region";
import { RowHead, Table, Td, Th } from "@/components/ui/table";
import { Samples } from "@/features/generations/components/samples";
import type { Schemas } from "@/lib/api-client";
import { integer } from "@/lib/format";

interface ComparisonProps {
  comparison: Schemas["ComparisonDetail"];
  compared: number;
}

export function Comparison({ comparison, compared }: ComparisonProps) {
  const { t } = useTranslation();
  const { collections, money } = comparison;
  const equal = compared - collections.length;
  return (
    <>
      <Panel
        title={t("comparison.collections")}
        hint={t("comparison.collectionsHint", { equal: integer(equal), n: integer(compared) })}
        flush={collections.length > 0}
      >
        {collections.length === 0 ? (
          <p className="text-[0.8125rem] text-ink-2" data-testid="no-difference">
            {t("comparison.allEqual")}
          </p>
        ) : (
          <Collections collections={collections} />
        )}
      </Panel>
      {money.length > 0 && <MoneyTable money={money} />}
      <Samples collections={collections} />
    </>
  );
}

function Collections({ collections }: Pick<Schemas["ComparisonDetail"], "collections">) {
  const { t } = useTranslation();
  return (
    <ScrollRegion label={t("comparison.collections")}>
      <Table
        caption={t("comparison.collections")}
        head={
          <>
            <Th>{t("comparison.collection")}</Th>
            <Th figure>{t("comparison.before")}</Th>
            <Th figure>{t("comparison.after")}</Th>
            <Th figure>{t("comparison.changed")}</Th>
            <Th figure>{t("comparison.onlyBefore")}</Th>
            <Th figure>{t("comparison.onlyAfter")}</Th>
            <Th figure>{t("comparison.unexplained")}</Th>
          </>
        }
      >
        {collections.map((found) => (
          <tr key={found.collection} data-collection={found.collection}>
            <RowHead className="font-mono text-xs">{found.collection}</RowHead>
            <Td figure>{integer(found.before)}</Td>
            <Td figure>{integer(found.after)}</Td>
            <Td figure>{integer(found.changed)}</Td>
            <Td figure>{integer(found.only_before)}</Td>
            <Td figure>{integer(found.only_after)}</Td>
            <Td figure className={found.unexplained > 0 ? "font-medium text-bad" : ""}>
              {integer(found.unexplained)}
            </Td>
          </tr>
        ))}
      </Table>
    </ScrollRegion>
  );
}

function MoneyTable({ money }: Pick<Schemas["ComparisonDetail"], "money">) {
  const { t } = useTranslation();
  return (
    <Panel title={t("comparison.money")} hint={t("comparison.moneyHint")} flush>
      <ScrollRegion label={t("comparison.money")}>
        <Table
          caption={t("comparison.money")}
          head={
            <>
              <Th>{t("comparison.currency")}</Th>
              <Th figure>{t("comparison.before")}</Th>
              <Th figure>{t("comparison.after")}</Th>
              <Th figure>{t("comparison.difference")}</Th>
            </>
          }
        >
          {money.map(({ before, after }) => {
            const difference = after.minor - before.minor;
            return (
              <tr key={before.currency} data-money={before.currency}>
                <RowHead>{before.currency}</RowHead>
                <Td figure>
                  <Money amount={before} />
                </Td>
                <Td figure>
                  <Money amount={after} />
                </Td>
                <Td figure className={difference !== 0 ? "font-medium text-warn" : "text-ink-2"}>
                  {difference === 0 ? (
                    t("comparison.none")
                  ) : (
                    <Money amount={{ ...after, minor: difference }} />
                  )}
                </Td>
              </tr>
            );
          })}
        </Table>
      </ScrollRegion>
    </Panel>
  );
}
