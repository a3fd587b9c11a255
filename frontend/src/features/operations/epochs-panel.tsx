/** The streams that each raw log consists of. Read only: they are sealed, archived and deleted on the command line. */
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { QueryPanel } from "@/components/state/query-panel";
import { Bones } from "@/components/state/skeleton";
import { Panel } from "@/components/ui/panel";
import { ScrollRegion } from "@/components/ui/scroll-region";
import { RowHead, Table, Td, Th } from "@/components/ui/table";
import { epochsQuery } from "@/features/operations/api/quarantine";
import { bytes, dateTime, integer, NO_VALUE } from "@/lib/format";

export function EpochsPanel() {
  const { t } = useTranslation();
  const query = useQuery(epochsQuery);
  return (
    <Panel title={t("epochs.title")} hint={t("epochs.hint")} flush>
      <QueryPanel query={query} inset="px-4 pb-4" skeleton={<Bones rows={3} className="h-8" />}>
        {({ items }) =>
          items.length === 0 ? (
            <p className="px-4 pb-4 text-[0.8125rem] text-ink-2">{t("epochs.empty")}</p>
          ) : (
            <ScrollRegion label={t("epochs.title")}>
              <Table
                caption={t("epochs.title")}
                head={
                  <>
                    <Th>{t("epochs.log")}</Th>
                    <Th>{t("epochs.state")}</Th>
                    <Th>{t("epochs.archive")}</Th>
                    <Th figure>{t("epochs.events")}</Th>
                    <Th figure>{t("lake.bytes")}</Th>
                    <Th figure>{t("lake.latest")}</Th>
                  </>
                }
              >
                {items.map((epoch) => (
                  <tr key={`${epoch.instance}/${epoch.epoch}`}>
                    <RowHead className="font-mono text-xs">
                      {epoch.instance}/{epoch.epoch}
                    </RowHead>
                    <Td>{t(`epochs.states.${epoch.state}`)}</Td>
                    <Td>{t(epoch.archived ? "epochs.archived" : "epochs.notArchived")}</Td>
                    <Td figure>{integer(epoch.events)}</Td>
                    <Td figure>{bytes(epoch.bytes)}</Td>
                    <Td figure>{epoch.last_at ? dateTime(epoch.last_at) : NO_VALUE}</Td>
                  </tr>
                ))}
              </Table>
            </ScrollRegion>
          )
        }
      </QueryPanel>
    </Panel>
  );
}
