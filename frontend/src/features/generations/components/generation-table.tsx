/** Every generation that exists: what it is there for, what it is built with, and how far it is. */
import { Link } from "@tanstack/react-router";
import { Archive, CircleCheck, Hammer, History, type LucideIcon } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Badge, type Tone } from "@/components/ui/badge";
import { Panel } from "@/components/ui/panel";
import { ScrollRegion } from "@/components/ui/scroll-region";
import { RowHead, Table, Td, Th } from "@/components/ui/table";
import type { Schemas } from "@/lib/api-client";
import { NO_VALUE } from "@/lib/format";

type Entry = Schemas["GenerationEntry"];

const LOOK: Record<Entry["standing"], { tone: Tone; icon: LucideIcon }> = {
  active: { tone: "ok", icon: CircleCheck },
  previous: { tone: "neutral", icon: History },
  building: { tone: "busy", icon: Hammer },
  retired: { tone: "neutral", icon: Archive },
};

export function GenerationTable({ items }: { items: Entry[] }) {
  const { t } = useTranslation();
  return (
    <Panel title={t("generations.all")} hint={t("generations.allHint")} flush>
      <ScrollRegion label={t("generations.all")}>
        <Table
          caption={t("generations.all")}
          head={
            <>
              <Th>{t("generations.name")}</Th>
              <Th>{t("generations.standingLabel")}</Th>
              <Th figure>{t("generations.reads")}</Th>
              <Th>{t("generations.definition")}</Th>
              <Th>{t("generations.position")}</Th>
              <Th>{t("generations.builtBy")}</Th>
            </>
          }
        >
          {items.map((entry) => (
            <Row key={entry.id} entry={entry} />
          ))}
        </Table>
      </ScrollRegion>
    </Panel>
  );
}

function Row({ entry }: { entry: Entry }) {
  const { t } = useTranslation();
  const definition = Object.entries(entry.definition).map(([part, version]) => `${part} ${version}`);
  const places = entry.position.map(({ instance, epoch, sequence }) => `${instance}/${epoch}/${sequence}`);
  return (
    <tr data-generation={entry.id} data-standing={entry.standing} className="align-baseline">
      <RowHead className="whitespace-nowrap font-mono text-xs">{entry.id}</RowHead>
      <Td>
        <Badge {...LOOK[entry.standing]}>{t(`generations.standing.${entry.standing}`)}</Badge>
      </Td>
      <Td figure>{entry.canonical}</Td>
      <Td className="min-w-56 font-mono text-2xs text-ink-2">{definition.join(" · ")}</Td>
      <Td className="whitespace-nowrap font-mono text-2xs text-ink-2">
        {places.length === 0 && NO_VALUE}
        {places.map((place) => (
          <span key={place} className="block">
            {place}
          </span>
        ))}
      </Td>
      <Td className="whitespace-nowrap">
        {entry.replay ? (
          <Link
            to="/data-lake/replays/$replay"
            params={{ replay: entry.replay }}
            className="text-accent-text underline-offset-2 hover:underline"
          >
            {t("generations.replayLink")}
          </Link>
        ) : (
          <span className="text-ink-2">{t("generations.installation")}</span>
        )}
      </Td>
    </tr>
  );
}
