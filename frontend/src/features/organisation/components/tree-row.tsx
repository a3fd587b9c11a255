/** A person of the tree, and those who report to them once that is asked for. */
import { useQuery } from "@tanstack/react-query";
import { ChevronRight } from "lucide-react";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { QueryPanel } from "@/components/state/query-panel";
import { Bones } from "@/components/state/skeleton";
import { Button } from "@/components/ui/button";
import { type OrgPerson, treeQuery } from "@/features/organisation/api/organisation";
import { ManagerText } from "@/features/organisation/components/manager-text";
import { cn } from "@/lib/cn";

interface TreeRowProps {
  person: OrgPerson;
  onShow: (id: string) => void;
}

export function TreeRow({ person, onShow }: TreeRowProps) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const id = useId();
  return (
    <li data-person={person.name} className="border-line border-t first:border-t-0">
      <div className="flex min-h-9 flex-wrap items-center gap-x-2 py-1">
        {person.reports > 0 ? (
          <button
            type="button"
            aria-expanded={open}
            aria-controls={id}
            aria-label={t(open ? "org.close" : "org.open", { name: person.name })}
            onClick={() => setOpen(!open)}
            className="rounded p-1 text-ink-2 hover:bg-surface-2"
          >
            <ChevronRight aria-hidden className={cn("size-4 transition-transform", open && "rotate-90")} />
          </button>
        ) : (
          <span className="w-6" />
        )}
        <Button look="ghost" onClick={() => onShow(person.id)}>
          {person.name}
        </Button>
        {!person.active && <span className="text-ink-3 text-xs">{t("org.gone")}</span>}
        {person.reports > 0 && (
          <span className="text-ink-3 text-xs">
            {t("org.reports", { count: person.reports, n: person.reports })}
          </span>
        )}
        <span className="ms-auto text-ink-2 text-xs">
          <ManagerText person={person} />
        </span>
      </div>
      {open && (
        <div id={id} className="ms-3 border-line border-s ps-3">
          <Below id={person.id} name={person.name} onShow={onShow} />
        </div>
      )}
    </li>
  );
}

function Below({ id, name, onShow }: { id: string; name: string; onShow: (id: string) => void }) {
  const { t } = useTranslation();
  const query = useQuery(treeQuery({ under: id }));
  return (
    <QueryPanel query={query} skeleton={<Bones rows={2} />}>
      {({ people, more }) => (
        <>
          <ul aria-label={t("org.under", { name })}>
            {people.map((person) => (
              <TreeRow key={person.id} person={person} onShow={onShow} />
            ))}
          </ul>
          {more && <p className="py-1 text-ink-3 text-xs">{t("org.more")}</p>}
        </>
      )}
    </QueryPanel>
  );
}
