/** Managers as somebody has declared them, to be taken back. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { QueryPanel } from "@/components/state/query-panel";
import { Bones } from "@/components/state/skeleton";
import { Button } from "@/components/ui/button";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";
import { Panel } from "@/components/ui/panel";
import { ScrollRegion } from "@/components/ui/scroll-region";
import { RowHead, Table, Td, Th } from "@/components/ui/table";
import {
  type DeclaredManager,
  declaredQuery,
  useTakeBackManager,
} from "@/features/organisation/api/organisation";
import { EdgeStanding } from "@/features/organisation/components/edge-standing";
import { useDays } from "@/features/organisation/components/use-days";
import { dateTime } from "@/lib/format";

export function DeclaredPanel() {
  const { t } = useTranslation();
  const query = useQuery(declaredQuery);
  return (
    <Panel title={t("org.declared")} hint={t("org.declaredHint")} flush>
      <QueryPanel query={query} skeleton={<Bones rows={2} className="mx-4 my-3" />} inset="px-4 pb-4">
        {({ edges, more, day }) =>
          edges.length === 0 ? (
            <p className="px-4 pb-4 text-ink-2">{t("org.nothingDeclared")}</p>
          ) : (
            <>
              <Edges edges={edges} today={day} />
              {more && <p className="px-4 py-2 text-ink-3 text-xs">{t("org.more")}</p>}
            </>
          )
        }
      </QueryPanel>
    </Panel>
  );
}

function Edges({ edges, today }: { edges: DeclaredManager[]; today: string }) {
  const { t } = useTranslation();
  return (
    <ScrollRegion label={t("org.declared")}>
      <Table
        caption={t("org.declared")}
        head={
          <>
            <Th>{t("org.person")}</Th>
            <Th>{t("org.manager")}</Th>
            <Th>{t("org.days")}</Th>
            <Th>{t("org.today")}</Th>
            <Th>{t("org.note")}</Th>
            <Th>{t("org.setBy")}</Th>
            <Th>
              <span className="sr-only">{t("org.actions")}</span>
            </Th>
          </>
        }
      >
        {edges.map((edge) => (
          <Edge key={edge.id} edge={edge} today={today} />
        ))}
      </Table>
    </ScrollRegion>
  );
}

function Edge({ edge, today }: { edge: DeclaredManager; today: string }) {
  const { t } = useTranslation();
  const days = useDays();
  const [asking, setAsking] = useState(false);
  const takeBack = useTakeBackManager(edge.id);
  const close = () => setAsking(false);
  return (
    <tr>
      <RowHead>{edge.person.name}</RowHead>
      <Td>{edge.manager?.name ?? t("org.toNobody")}</Td>
      <Td className="whitespace-nowrap">{days(edge.from, edge.until) || t("org.always")}</Td>
      <Td>
        <EdgeStanding edge={edge} today={today} />
      </Td>
      <Td className="text-ink-2">{edge.note}</Td>
      <Td className="text-ink-2">
        {edge.set_by?.name ?? t("org.commandLine")}, {dateTime(edge.set_at)}
      </Td>
      <Td className="text-end">
        <Button
          look="ghost"
          aria-label={t("org.takeBackOf", { name: edge.person.name })}
          onClick={() => setAsking(true)}
        >
          {t("org.takeBack")}
        </Button>
        <ConfirmDialog
          open={asking}
          onOpenChange={setAsking}
          title={t("org.takeBackTitle", { name: edge.person.name })}
          text={t("org.takeBackText")}
          confirm={t("org.takeBack")}
          task={takeBack}
          onConfirm={() => takeBack.mutate(undefined, { onSuccess: close })}
        />
      </Td>
    </tr>
  );
}
