/** Every raw event that a record was made of, by its place in the raw zone. */
import { useTranslation } from "react-i18next";
import { Panel } from "@/components/ui/panel";
import { ScrollRegion } from "@/components/ui/scroll-region";
import { RowHead, Table, Td, Th } from "@/components/ui/table";
import type { Schemas } from "@/lib/api-client";
import { integer } from "@/lib/format";

export function RawEvents({ events }: { events: Schemas["RawEventRef"][] }) {
  const { t } = useTranslation();
  return (
    <Panel
      title={t("lineage.events")}
      hint={t("lineage.eventsHint", { count: events.length, n: integer(events.length) })}
      flush
    >
      <ScrollRegion label={t("lineage.events")}>
        <Table
          caption={t("lineage.events")}
          head={
            <>
              <Th>{t("lineage.position")}</Th>
              <Th>{t("lineage.stream")}</Th>
            </>
          }
        >
          {events.map(({ instance, epoch, sequence, stream }) => (
            <tr key={`${instance}/${epoch}/${sequence}`} data-event={`${instance}/${epoch}/${sequence}`}>
              <RowHead className="whitespace-nowrap font-mono text-xs">
                {instance}/{epoch}/{sequence}
              </RowHead>
              <Td className="font-mono text-ink-2 text-xs">{stream}</Td>
            </tr>
          ))}
        </Table>
      </ScrollRegion>
    </Panel>
  );
}
