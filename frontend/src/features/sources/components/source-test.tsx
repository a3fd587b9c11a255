/** A connection test, step by step: what works, what does not, and what each missing right costs. */
import { useQuery } from "@tanstack/react-query";
import { CircleAlert, CircleCheck, CircleDashed, type LucideIcon, TriangleAlert } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { QueryPanel } from "@/components/state/query-panel";
import { Bones } from "@/components/state/skeleton";
import { Badge, type Tone } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Dialog, DialogClose } from "@/components/ui/dialog";
import { sourceTestQuery } from "@/features/sources/api/manage";
import type { Schemas } from "@/lib/api-client";

const LOOK: Record<Schemas["CheckOutcome"], { tone: Tone; icon: LucideIcon }> = {
  passed: { tone: "ok", icon: CircleCheck },
  warning: { tone: "warn", icon: TriangleAlert },
  failed: { tone: "bad", icon: CircleAlert },
  not_tried: { tone: "neutral", icon: CircleDashed },
};

interface SourceTestProps {
  source: { name: string; title: string };
  onClosed: () => void;
}

export function SourceTestDialog({ source, onClosed }: SourceTestProps) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(true);
  const query = useQuery(sourceTestQuery(source.name));
  const title = t("source.test", { source: source.title });
  return (
    <Dialog open={open} onOpenChange={setOpen} onClosed={onClosed} label={title} className="max-w-2xl">
      <div className="flex flex-col gap-3 overflow-y-auto p-5">
        <h2 className="font-semibold text-base">{title}</h2>
        <QueryPanel query={query} skeleton={<Bones rows={6} className="h-8" />}>
          {({ works, checks }) => (
            <>
              <p role="status" className="mb-2">
                {t(works ? "source.works" : "source.worksNot")}
              </p>
              <ul className="flex flex-col divide-y divide-line">
                {checks.map(({ step, outcome, detail }) => (
                  <li key={step} className="grid grid-cols-[7rem_minmax(0,1fr)] gap-3 py-2 text-[0.8125rem]">
                    <span>
                      <Badge {...LOOK[outcome]}>{t(`source.outcome.${outcome}`)}</Badge>
                    </span>
                    <span className="break-words">
                      <span className="font-medium">{step}</span>
                      <span className="block text-ink-2">{detail}</span>
                    </span>
                  </li>
                ))}
              </ul>
            </>
          )}
        </QueryPanel>
        <div className="flex justify-end gap-2">
          <DialogClose render={<Button>{t("source.close")}</Button>} />
        </div>
      </div>
    </Dialog>
  );
}
