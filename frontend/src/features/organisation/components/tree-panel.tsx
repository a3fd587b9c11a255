/** The reporting tree, a level at a time as it is opened; or whoever is found by name. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { QueryPanel } from "@/components/state/query-panel";
import { Bones } from "@/components/state/skeleton";
import { Panel } from "@/components/ui/panel";
import { TextField } from "@/components/ui/text-field";
import { treeQuery } from "@/features/organisation/api/organisation";
import { TreeRow } from "@/features/organisation/components/tree-row";

export function TreePanel({ onShow }: { onShow: (id: string) => void }) {
  const { t } = useTranslation();
  const [q, setQ] = useState("");
  const query = useQuery(treeQuery(q.trim() ? { q } : {}));
  return (
    <Panel title={t("org.tree")} hint={t("org.treeHint")}>
      <div className="mb-3 max-w-xs">
        <TextField label={t("org.find")} type="search" value={q} onChange={setQ} />
      </div>
      <QueryPanel query={query} skeleton={<Bones rows={5} />}>
        {({ people, line, more }) => (
          <>
            {line.length > 0 && (
              <p className="mb-2 text-ink-2 text-xs">
                {t("org.above", { names: line.map(({ name }) => name).join(", ") })}
              </p>
            )}
            {people.length === 0 && <p className="text-ink-2">{t("org.nobody")}</p>}
            <ul aria-label={t("org.tree")}>
              {people.map((person) => (
                <TreeRow key={person.id} person={person} onShow={onShow} />
              ))}
            </ul>
            {more && <p className="pt-2 text-ink-3 text-xs">{t("org.more")}</p>}
          </>
        )}
      </QueryPanel>
    </Panel>
  );
}
