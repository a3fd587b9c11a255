/** A connection test, step by step: what works, what does not, and what each missing right costs. */
import { useQuery } from "@tanstack/react-query";
import { CircleAlert, CircleCheck, CircleDashed, type LucideIcon, TriangleAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Badge, type Tone } from "@/components/ui/badge";
import { sourceTestQuery } from "@/features/sources/api/manage";
import { InquiryDialog } from "@/features/sources/components/inquiry-dialog";
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
  const query = useQuery(sourceTestQuery(source.name));
  const title = t("source.test", { source: source.title });
  return (
    <InquiryDialog title={title} query={query} className="max-w-2xl" onClosed={onClosed}>
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
    </InquiryDialog>
  );
}
