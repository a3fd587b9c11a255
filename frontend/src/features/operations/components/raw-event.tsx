/** The event as it stands in the log: its envelope, or its bytes where they cannot be read. */
import { useTranslation } from "react-i18next";
import { ScrollRegion } from "@/components/ui/scroll-region";
import type { Schemas } from "@/lib/api-client";

export function RawEventView({ event }: { event: Schemas["RawEvent"] | null | undefined }) {
  const { t } = useTranslation();
  if (!event) return <p className="text-[0.8125rem] text-ink-2">{t("quarantine.eventGone")}</p>;
  const text = event.envelope ? JSON.stringify(event.envelope, null, 2) : event.bytes;
  return (
    <>
      {!event.envelope && <p className="mb-2 text-[0.8125rem] text-ink-2">{t("quarantine.unreadable")}</p>}
      <ScrollRegion label={t("quarantine.rawEvent")}>
        <pre data-testid="raw-event" className="font-mono text-2xs leading-5">
          {text}
        </pre>
      </ScrollRegion>
    </>
  );
}
